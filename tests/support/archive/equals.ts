import { hash } from 'node:crypto';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { readWireHeader } from '../../../schemas/wire.ts';
import { formatUuid } from '../../../common/uuid.ts';
import type { UserActionRecord } from '../../../schemas/generated/types.ts';
import type { ArchiveFixture } from './fixture.ts';
import type { Finding } from '../scenario/checks.ts';
import { readTopic } from '../read-topic.ts';

/** What the log, and what the archive, holds of one partition: by offset. */
interface Place {
  readonly id: string;
  /** Of all that the event says, and when it was received. */
  readonly content: bigint;
}

export interface Equality {
  readonly findings: readonly Finding[];
  readonly rows: number;
  /** Rows that a merge left out as resends. */
  readonly removed: number;
}

const TOPIC = 'user-actions.v1';
/** One number for partition and offset. */
const keyOf = (partition: number, offset: number): number => partition * 2 ** 40 + offset;
const MASK = (1n << 64n) - 1n;

/**
 * Holds every row of every listed file against the log's record at its offset, by id and by
 * content. The log is read as Avro, the files by another Parquet reader than the archive's own:
 * nothing of what writes the archive takes part.
 */
export async function compareWithLog(fixture: ArchiveFixture): Promise<Equality> {
  const covered = await coveredOffsets(fixture);
  const log = await readLog(fixture, covered);
  const files = await fixture.environment.db.query<{ path: string; date: string; rows: number }>(
    'SELECT path, date::text, rows FROM archive_files WHERE replaced_at IS NULL ORDER BY path',
  );
  const removed = await removedByMerges(fixture);
  const seen = new Set<number>();
  /** Needed only to tell a resend that was removed from an event that is lost. */
  const seenIds = new Set<string>();
  const wrong: string[] = [];
  const sums = { ids: 0n, contents: 0n, logIds: 0n, logContents: 0n };
  let rows = 0;
  for (const { path, date, rows: listed } of files) {
    const events = await readFile(await fixture.store.get(path));
    rows += events.length;
    if (events.length !== listed) wrong.push(`${path}: ${events.length} rows, listed ${listed}`);
    for (const event of events) {
      const at = `${event.kafka_partition}/${event.kafka_offset}`;
      const key = keyOf(event.kafka_partition, Number(event.kafka_offset));
      const found = placeOf(event);
      const wanted = log.get(key);
      if (wanted === undefined) wrong.push(`${path}: ${at} is no event of the log`);
      else if (wanted.id !== found.id) wrong.push(`${path}: ${at} has another id`);
      else if (wanted.content !== found.content) wrong.push(`${path}: ${at} differs in content`);
      if (seen.has(key)) wrong.push(`${path}: ${at} is there twice`);
      if (event.occurred_at.toISOString().slice(0, 10) !== date)
        wrong.push(`${path}: ${at} is of another date`);
      seen.add(key);
      if (removed > 0) seenIds.add(found.id);
      sums.ids += hash64(found.id);
      sums.contents += found.content;
    }
  }
  const left: Place[] = [];
  for (const [key, place] of log) {
    if (!seen.has(key)) {
      left.push(place);
      continue;
    }
    sums.logIds += hash64(place.id);
    sums.logContents += place.content;
  }
  const lost = left.filter(({ id }) => !seenIds.has(id));
  const show = (sum: bigint): string => (sum & MASK).toString(16);
  const findings: Finding[] = [
    {
      check: `no event of ${log.size} in the log is missing in the archive`,
      holds: lost.length === 0,
      found: `${lost.length} missing: ${lost
        .slice(0, 5)
        .map(({ id }) => id)
        .join(' ')}`,
    },
    {
      check: `each of ${rows} archived rows is its record of the log, once, under its date`,
      holds: wrong.length === 0,
      found: `${wrong.length} wrong: ${wrong.slice(0, 5).join('; ')}`,
    },
    {
      check: `what is not in the files are the ${removed} resends that merges removed`,
      holds: left.length - lost.length === removed,
      found: `${left.length - lost.length} are not in the files`,
    },
    {
      check: `the sums over all rows agree (ids ${show(sums.ids)}, contents ${show(sums.contents)})`,
      holds: show(sums.ids - sums.logIds) === '0' && show(sums.contents - sums.logContents) === '0',
      found: `the log's: ids ${show(sums.logIds)}, contents ${show(sums.logContents)}`,
    },
  ];
  return { findings, rows, removed };
}

async function coveredOffsets(fixture: ArchiveFixture): Promise<ReadonlyMap<number, number>> {
  const rows = await fixture.environment.db.query<{ partition: number; next_offset: number }>(
    `SELECT partition, next_offset FROM stream_offsets WHERE processor = 'archive'`,
  );
  return new Map(rows.map((row) => [row.partition, row.next_offset]));
}

async function removedByMerges(fixture: ArchiveFixture): Promise<number> {
  const [row] = await fixture.environment.db.query<{ removed: number }>(
    `SELECT coalesce(sum(duplicates_removed), 0)::bigint AS removed
       FROM archive_files WHERE replaced_at IS NULL`,
  );
  return row?.removed ?? 0;
}

/** Good records that the archive has passed, by partition and offset. */
async function readLog(
  { environment, scenario }: ArchiveFixture,
  covered: ReadonlyMap<number, number>,
): Promise<ReadonlyMap<number, Place>> {
  const bad = new Set(
    scenario.expected.dead
      .filter(({ topic }) => topic === TOPIC)
      .map(({ partition, offset }) => keyOf(partition, offset)),
  );
  const reader = environment.codec.reader(TOPIC);
  const { schemaId } = await environment.codec.writer(TOPIC);
  await reader.ensureSchema(schemaId);
  const log = new Map<number, Place>();
  await readTopic(environment.brokers, TOPIC, ({ partition, offset, timestamp, value }) => {
    const key = keyOf(partition, offset);
    if (bad.has(key) || offset >= (covered.get(partition) ?? 0)) return;
    if (value === null || readWireHeader(value) !== schemaId)
      throw new Error(`${partition}/${offset} was to be a good record`);
    const event = reader.decode(value) as UserActionRecord;
    log.set(
      key,
      placeOf({
        ...plain(event),
        received_at: new Date(timestamp),
        kafka_partition: partition,
        kafka_offset: offset,
      }),
    );
  });
  return log;
}

/** A row as people read it. */
interface ArchivedEvent {
  readonly event_id: string;
  readonly user_id: string;
  readonly action: string;
  readonly movie_id: number | bigint | null;
  readonly value: number | null;
  readonly occurred_at: Date;
  readonly received_at: Date;
  readonly session_id: string | null;
  readonly request_id: string | null;
  readonly position: number | null;
  readonly device: string | null;
  readonly app: string;
  readonly app_version: string | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly kafka_partition: number;
  readonly kafka_offset: number | bigint;
}

function plain(
  event: UserActionRecord,
): Omit<ArchivedEvent, 'received_at' | 'kafka_partition' | 'kafka_offset'> {
  const uuid = (bytes: Uint8Array): string => formatUuid(Buffer.from(bytes));
  return {
    event_id: uuid(event.event_id),
    user_id: event.user_id,
    action: event.action,
    movie_id: event.movie_id,
    value: event.value,
    occurred_at: new Date(event.occurred_at),
    session_id: event.session_id,
    request_id: event.request_id === null ? null : uuid(event.request_id),
    position: event.position,
    device: event.device,
    app: event.app,
    app_version: event.app_version,
    properties: event.properties,
  };
}

async function readFile(body: Buffer): Promise<ArchivedEvent[]> {
  const file = body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength);
  return (await parquetReadObjects({
    file: file as ArrayBuffer,
    compressors,
  })) as unknown as ArchivedEvent[];
}

function placeOf(event: ArchivedEvent): Place {
  const content = [
    event.event_id,
    event.user_id,
    event.action,
    event.movie_id === null ? null : Number(event.movie_id),
    event.value,
    event.occurred_at.getTime(),
    event.received_at.getTime(),
    event.session_id,
    event.request_id,
    event.position,
    event.device,
    event.app,
    event.app_version,
    Object.entries(event.properties).sort(([a], [b]) => (a < b ? -1 : 1)),
  ];
  return { id: event.event_id, content: hash64(JSON.stringify(content)) };
}

function hash64(text: string): bigint {
  return hash('sha1', text, 'buffer').readBigUInt64LE(0);
}
