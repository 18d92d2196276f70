import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { MarqueeError } from '../../../common/error.ts';
import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import { CopyWriter } from '../../../connectors/postgres/copy-writer.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import { partitionOf } from '../../../common/partitioner.ts';
import { formatUuid, uuidv7 } from '../../../common/uuid.ts';
import { ColumnBuilder } from '../../../archive/format/column-builder.ts';
import { sortedOrder } from '../../support/sorted-order.ts';
import { encodeFile } from '../../../archive/format/encode.ts';
import type { RebuildReport } from '../../../archive/rebuild/rebuild.ts';
import { isEqual } from '../../../streams/replay/compare-tables.ts';
import { userActions } from '../../../streams/topics/user-actions.ts';
import type { SentRecord } from '../../support/streams/environment.ts';

/** A row begins behind signature, flags and extension length of a COPY body. */
const FIRST_ROW_AT = 19;

/**
 * Ratings of 4 stars by users of their own, received when they happened, as a file of the archive.
 */
export async function putRatings(options: {
  readonly store: ObjectStore;
  readonly db: Session;
  readonly topic: string;
  readonly date: string;
  readonly from: number;
  readonly count: number;
}): Promise<void> {
  const { store, db, topic, date, from, count } = options;
  const to = from + count;
  const writer = new CopyWriter();
  const builder = new ColumnBuilder();
  const noon = Date.parse(`${date}T12:00Z`);
  for (let n = from; n < to; n++) {
    writer.reset();
    writer.row(userActions.contentColumns.length + 3);
    userActions.writeContent(writer, {
      event_id: uuidv7(noon + n),
      occurred_at: noon + n,
      movie_id: 1 + n,
      value: 4,
      position: null,
      request_id: null,
      user_id: `past-${n % 7}`,
      action: 'rate',
      session_id: null,
      device: null,
      app: 'history',
      app_version: null,
      properties: {},
    });
    writer.timestamptz(noon + n);
    writer.int4(0);
    writer.int8(n);
    builder.add(writer.take(), FIRST_ROW_AT);
  }
  const file = encodeFile(builder, sortedOrder(builder), { topic, metadata: {} });
  const path = `archived-events/date=${date}/${topic.replace(':', '-')}-${from}.parquet`;
  await store.put(path, file);
  await db.execute(
    `INSERT INTO archive_backfills (topic, source, sha256, rows_max, bytes_max, finished_at, places)
     VALUES ($1, 'ratings', $2, 1, 1, now(), $3) ON CONFLICT (topic) DO UPDATE SET places = $3`,
    [topic, Buffer.alloc(32), to],
  );
  await db.execute(
    `INSERT INTO archive_ranges (topic, partition, from_offset, to_offset, rows, dead, skipped)
     VALUES ($1, 0, $2, $3, $4, 0, 0)`,
    [topic, from, to, count],
  );
  await db.execute(
    `INSERT INTO archive_files (path, topic, partition, from_offset, to_offset, date, rows, id_sum,
       content_sum, bytes, sha256, first_event_id, last_event_id)
     VALUES ($1, $2, 0, $3, $4, $5, $6, 0, 0, $7, $8, $9, $9)`,
    [
      path,
      topic,
      from,
      to,
      date,
      count,
      file.length,
      createHash('sha256').update(file).digest(),
      formatUuid(uuidv7(noon)),
    ],
  );
}

export const differing = (report: RebuildReport) => report.comparisons.filter((c) => !isEqual(c));

export function expectEqual(report: RebuildReport): void {
  expect(differing(report)).toEqual([]);
  for (const { table, leftRows } of report.comparisons)
    if (table !== 'dead_letters') expect([table, leftRows > 0]).toEqual([table, true]);
}

export async function expectRefused(work: Promise<unknown>, why: string | RegExp): Promise<void> {
  await expect(work).rejects.toMatchObject({
    code: 'MARQUEE_REPLAY_REFUSED',
    message: expect.stringMatching(why) as string,
  });
}

/** A user's records stand in another partition from the second wave on, as after a raised count. */
export function inAnotherPartition(records: readonly SentRecord[], wave: number): SentRecord[] {
  const { partitions } = TOPICS['user-actions.v1'];
  return records.map((record) =>
    record.key === 'user-7' && wave > 0
      ? { ...record, partition: (partitionOf('user-7', partitions) + 1) % partitions }
      : record,
  );
}

/** The store, which is away for the first puts; `left` says how many of these are still to come. */
export function awayAtFirst(
  store: ObjectStore,
  puts: number,
): { readonly store: ObjectStore; left(): number } {
  let left = puts;
  const away = new MarqueeError('MARQUEE_STORE_UNAVAILABLE', 'away', { retriable: true });
  return {
    left: () => Math.max(0, left),
    store: {
      ...store,
      put: (name, body) => (left-- > 0 ? Promise.reject(away) : store.put(name, body)),
    },
  };
}
