import { describe, expect, test } from 'vitest';
import { offsetsToRead } from '../../../../archive/ingest/ingest-plan.ts';
import { recordsAfter } from '../../../../archive/ingest/partition-ingest.ts';
import type { KafkaRecord } from '../../../../common/kafka/record.ts';
import { identityOf } from '../../../../streams/runtime/commit/offsets.ts';

const record = (offset: number, value = `v${offset}`): KafkaRecord => ({
  offset,
  timestamp: offset,
  key: null,
  value: Buffer.from(value),
  headers: {},
});
const position = (offset: number) => ({
  next: offset + 1,
  last: { offset, identity: identityOf(record(offset)) },
});
const planned = { partition: 3, from: 0, to: 50 };

describe('a partition is read', () => {
  test('from the last archived record on, to know the log again', () => {
    expect(offsetsToRead(planned, position(20), 0, 90)).toEqual({ from: 20, to: 50 });
  });

  test('from the next one where retention has removed that, or nothing was archived', () => {
    expect(offsetsToRead(planned, position(20), 21, 90)).toEqual({ from: 21, to: 50 });
    expect(offsetsToRead(planned, { next: 7, last: null }, 0, 90)).toEqual({ from: 7, to: 50 });
  });

  test.each([
    ['begins after the next record', 22, 90],
    ['ends before the plan does', 0, 49],
  ])('not at all when the log %s', (_, low, high) => {
    expect(() => offsetsToRead(planned, position(20), low, high)).toThrow(
      expect.objectContaining({ code: 'MARQUEE_OFFSET_OUTSIDE_LOG' }) as Error,
    );
  });
});

describe('the record that is read again', () => {
  test('is left out when it is the one that was archived', () => {
    const records = [record(20), record(21), record(22)];
    expect(recordsAfter(position(20), 3, records)).toEqual(records.slice(1));
  });

  test('ends the run when it is another one: the topic was made again', () => {
    expect(() => recordsAfter(position(20), 3, [record(20, 'other')])).toThrow(
      expect.objectContaining({ code: 'MARQUEE_TOPIC_REPLACED' }) as Error,
    );
  });

  test('is not looked for in what comes after', () => {
    const records = [record(21), record(22)];
    expect(recordsAfter(position(20), 3, records)).toBe(records);
    expect(recordsAfter(position(20), 3, [])).toEqual([]);
  });
});
