import { describe, expect, test } from 'vitest';
import { archiveConsumer } from '../../../../archive/consumer.ts';
import {
  createPartitionIngest,
  recordsAfter,
} from '../../../../archive/ingest/partition-ingest.ts';
import type { FilledRange } from '../../../../archive/ingest/partition-ingest.ts';
import type { KafkaRecord } from '../../../../common/kafka/record.ts';
import { uuidv7 } from '../../../../common/uuid.ts';
import type { UserActionRecord } from '../../../../schemas/generated/types.ts';
import { createBatchDecoder } from '../../../../streams/runtime/commit/decode-batch.ts';
import { identityOf } from '../../../../streams/runtime/commit/offsets.ts';

const AT = Date.UTC(2026, 10, 20);
const event: UserActionRecord = {
  event_id: uuidv7(AT),
  user_id: 'user',
  action: 'view',
  movie_id: 1,
  value: null,
  occurred_at: AT,
  session_id: null,
  request_id: null,
  position: null,
  device: null,
  app: 'test',
  app_version: null,
  properties: {},
};
const record = (offset: number): KafkaRecord => ({
  offset,
  timestamp: AT,
  key: Buffer.from('user'),
  value: Buffer.from(String(offset)),
  headers: {},
});
const records = (...offsets: number[]) => offsets.map(record);

function createIngest(next: number, to: number, rowsMax: number) {
  const ranges: FilledRange[] = [];
  const limits = { lateHorizonMs: Infinity, futureToleranceMs: 0, recordBytesMax: 1e6 };
  const ingest = createPartitionIngest({
    planned: { partition: 4, from: 0, to },
    position: { epoch: 1, next, last: null, openLedgerRow: null },
    limits: { rowsMax, bytesMax: 1e9 },
    schemas: { load: () => Promise.resolve(), decode: () => event },
    decoder: createBatchDecoder(archiveConsumer, { decode: () => event }, limits),
    onRange(range) {
      ranges.push(range);
      return Promise.resolve();
    },
  });
  const told = () => ranges.map(({ from, to: end, content }) => [from, end, content.rows]);
  return { ingest, told, ranges };
}

test('ranges join from the position to the end of the plan, over markers between records', async () => {
  const { ingest, told, ranges } = createIngest(10, 30, 3);
  await ingest.take(records(10, 11, 13, 14));
  await ingest.take(records(17, 18, 20));
  expect(told()).toEqual([
    [10, 14, 3],
    [14, 19, 3],
  ]);
  await ingest.end();
  expect(told().at(-1)).toEqual([19, 30, 1]);
  expect(ranges.map(({ partition, last }) => [partition, last.offset])).toEqual([
    [4, 13],
    [4, 18],
    [4, 20],
  ]);
});

test('markers alone make no range: they go with the records after them', async () => {
  const { ingest, told } = createIngest(10, 12, 3);
  await ingest.take([]);
  await ingest.end();
  expect(told()).toEqual([]);
});

test('a range that is full at the end of the plan leaves markers behind it for the next', async () => {
  const { ingest, told } = createIngest(10, 15, 3);
  await ingest.take(records(10, 11, 12));
  await ingest.end();
  expect(told()).toEqual([[10, 13, 3]]);
});

test('the ledger of a range counts its records, in ranges of offsets that join', async () => {
  const { ingest, ranges } = createIngest(0, 9_000, 8_000);
  await ingest.take(Array.from({ length: 9_000 }, (_, offset) => record(offset)));
  await ingest.end();
  const ledgers = ranges.map(({ content }) =>
    content.ledger().map(({ from, to, accounts }) => [from, to, accounts.ok.count]),
  );
  // A range is decoded in batches of 4,096; those of one hour are one range of the ledger.
  expect(ledgers).toEqual([[[0, 8_000, 8_000]], [[8_000, 9_000, 1_000]]]);
});

test('a record that comes twice is a broken invariant', async () => {
  const { ingest } = createIngest(0, 100, 50);
  await ingest.take(records(0, 1, 2));
  await expect(ingest.take(records(2, 3))).rejects.toThrow('came again below 3');
});

const position = (offset: number) => ({
  next: offset + 1,
  last: { offset, identity: identityOf(record(offset)) },
});

describe('the record that is read again', () => {
  test('is left out when it is the one that was archived', () => {
    const records = [record(20), record(21), record(22)];
    expect(recordsAfter(position(20), 3, records)).toEqual(records.slice(1));
  });

  test('ends the run when it is another one: the topic was made again', () => {
    expect(() =>
      recordsAfter(position(20), 3, [{ ...record(20), value: Buffer.from('other') }]),
    ).toThrow(expect.objectContaining({ code: 'MARQUEE_TOPIC_REPLACED' }) as Error);
  });

  test('is not looked for in what comes after', () => {
    const records = [record(21), record(22)];
    expect(recordsAfter(position(20), 3, records)).toBe(records);
    expect(recordsAfter(position(20), 3, [])).toEqual([]);
  });
});
