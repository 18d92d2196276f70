import { expect, test } from 'vitest';
import type { KafkaRecord } from '../../../../common/kafka/record.ts';
import type { UserActionRecord } from '../../../../schemas/generated/types.ts';
import { uuidv7 } from '../../../../common/uuid.ts';
import { writeRow } from '../../../../archive/format/columns.ts';
import { createHistoryRange, historyTopic } from '../../../../archive/backfill/history.ts';
import { archiveConsumer } from '../../../../archive/consumer.ts';
import { sortedColumns } from '../../../../archive/format/packed-rows.ts';
import { createRangeBuilder } from '../../../../archive/ingest/range-builder.ts';
import { sameChecksums } from '../../../../archive/format/checksums.ts';
import { createBatchDecoder } from '../../../../streams/runtime/commit/decode-batch.ts';
import { CopyWriter } from '../../../../connectors/postgres/copy-writer.ts';
import { createRandom } from '../../../../common/random.ts';
import { DAY_MS } from '../../../../common/time.ts';

const SEED = 1_996;
const FIRST = Date.UTC(1996, 2, 29);

function makeEvents(count: number): UserActionRecord[] {
  const random = createRandom(SEED);
  return Array.from({ length: count }, (_, n) => {
    const at = FIRST + random.below(20) * DAY_MS + random.below(DAY_MS);
    return {
      event_id: uuidv7(at),
      user_id: `user-${random.below(9)}`,
      action: n % 2 === 0 ? 'rate' : 'view',
      movie_id: 1 + random.below(50),
      value: n % 2 === 0 ? 4.5 : null,
      occurred_at: at,
      session_id: n % 3 === 0 ? 'ž' : null,
      request_id: n % 4 === 0 ? uuidv7(at) : null,
      position: n % 4 === 0 ? 1 + random.below(9) : null,
      device: null,
      app: 'history',
      app_version: null,
      properties: n % 5 === 0 ? { long: 'b', a: 'ключ' } : {},
    };
  });
}

test('a history has the rows and checksums that the same events have when they come from Kafka', () => {
  const events = makeEvents(1_000);
  const history = createHistoryRange();
  events.forEach((event, place) => {
    history.add({ place, bytes: 10, event });
  });

  const values = events.map((_, n) => Buffer.from(String(n)));
  const decode = (value: Buffer) => events[Number(value.toString())] as UserActionRecord;
  const limits = { lateHorizonMs: Infinity, futureToleranceMs: 0, recordBytesMax: 1e6 };
  const batchDecoder = createBatchDecoder(archiveConsumer, { decode }, limits);
  const records = events.map((event, offset): KafkaRecord => ({
    ...{ offset, timestamp: event.occurred_at, headers: {} },
    ...{ key: Buffer.from(event.user_id), value: values[offset] ?? null },
  }));
  const kafka = createRangeBuilder();
  kafka.add(batchDecoder.decode([{ partition: 0, from: 0, next: events.length, records }]));

  expect(sameChecksums(history.expected(), kafka.expected())).toBe(true);
  expect([...history.dates().keys()]).toEqual([...kafka.dates().keys()]);
  for (const [day, packed] of history.dates()) {
    const other = kafka.dates().get(day);
    if (other === undefined) throw new Error(`no day ${day}`);
    const [columns, same] = [sortedColumns(packed), sortedColumns(other)];
    expect(columns.rows).toBe(same.rows);
    const [mine, theirs] = [new CopyWriter(), new CopyWriter()];
    for (let i = 0; i < columns.rows; i++) {
      writeRow(mine, columns, i);
      writeRow(theirs, same, i);
    }
    expect(mine.take().equals(theirs.take())).toBe(true);
  }
});

test('a place that could not be used counts, and makes no row', () => {
  const [event = null] = makeEvents(1);
  const history = createHistoryRange();
  for (const [place, at] of [event, null].entries()) history.add({ place, bytes: 7, event: at });
  expect(history).toMatchObject({ places: 2, bytes: 14, dead: 1 });
  expect(history.expected().rows).toBe(1);
});

test('a pseudo-topic has the first 16 digits of the hash', () => {
  expect(historyTopic('0123456789abcdef0123')).toBe('backfill:0123456789abcdef');
});
