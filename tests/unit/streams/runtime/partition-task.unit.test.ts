import { describe, expect, test } from 'vitest';
import { decodedBatch } from '../../../../connectors/kafka/decoded-batch.ts';
import type { FetchedBatch } from '../../../../connectors/kafka/port.ts';
import {
  createPartitionTask,
  dequeue,
  enqueue,
  startOffset,
} from '../../../../streams/runtime/consume/partition-task.ts';
import type { Position } from '../../../../streams/runtime/commit/offsets.ts';
import { identityOf } from '../../../../streams/runtime/commit/offsets.ts';
import { record } from '../../../support/records.ts';

const rec = (offset: number, value = `v${offset}`) => record(offset, 'k', Buffer.from(value));

function batch(from: number, offsets: readonly number[], next?: number): FetchedBatch {
  const place = {
    topic: 't',
    partition: 0,
    from,
    next: next ?? (offsets.at(-1) ?? from - 1) + 1,
    logEnd: 1_000,
  };
  return decodedBatch(
    place,
    offsets.map((o) => rec(o)),
  );
}

const at = (next: number, last: number | null): Position => ({
  epoch: 1,
  next,
  last: last === null ? null : { offset: last, identity: identityOf(rec(last)) },
  openLedgerRow: null,
});

describe('where reading starts', () => {
  test('at the last record in the tables, to know the log again', () => {
    expect(startOffset('p', at(11, 9), { start: 0, end: 50 })).toBe(9);
  });
  test('at the position where nothing was read yet, or the last record is gone from the log', () => {
    expect(startOffset('p', at(4, null), { start: 4, end: 50 })).toBe(4);
    expect(startOffset('p', at(11, 9), { start: 11, end: 50 })).toBe(11);
  });
  test.each([
    ['removed before they were read', at(11, 9), { start: 12, end: 50 }],
    ['beyond the end: the topic was made again', at(11, 9), { start: 0, end: 5 }],
  ])('never elsewhere: %s', (_, position, log) => {
    expect(startOffset('p', position, log)).toMatchObject({ code: 'MARQUEE_OFFSET_OUTSIDE_LOG' });
  });
});

describe('the last record is looked at again', () => {
  test('the same one is passed over and reading goes on', () => {
    const held = createPartitionTask(0, at(11, 9), 9);
    expect(enqueue(held, 'p', false, batch(9, [9, 11, 12]))).toBeNull();
    expect(dequeue(held, 10, 1e6)).toMatchObject({
      next: 13,
      records: [{ offset: 11 }, { offset: 12 }],
    });
  });
  test('another one halts: the topic was made again and refilled', () => {
    const held = createPartitionTask(0, at(11, 9), 9);
    const other = decodedBatch(batch(9, [9, 11]), [rec(9, 'other'), rec(11)]);
    expect(enqueue(held, 'p', false, other)).toMatchObject({ code: 'MARQUEE_TOPIC_REPLACED' });
    expect(held.queue).toEqual([]);
  });
  test('its absence halts, but where compaction may have removed it', () => {
    expect(
      enqueue(createPartitionTask(0, at(11, 9), 9), 'p', false, batch(9, [11])),
    ).not.toBeNull();
    expect(enqueue(createPartitionTask(0, at(11, 9), 9), 'p', true, batch(9, [11]))).toBeNull();
  });
});

describe('the queue', () => {
  test('gives up to the rows asked for, across fetches and within one', () => {
    const held = createPartitionTask(0, at(0, null), 0);
    enqueue(held, 'p', false, batch(0, [0, 1, 2]));
    enqueue(held, 'p', false, batch(3, [3, 4, 5]));
    expect(dequeue(held, 4, 1e6)).toMatchObject({ next: 4 });
    held.position = 4;
    expect(dequeue(held, 4, 1e6).records.map((r) => r.offset)).toEqual([4, 5]);
    expect([held.queuedRows, held.queuedBytes]).toEqual([0, 0]);
  });
  test('gives at least one record, however large', () => {
    const held = createPartitionTask(0, at(0, null), 0);
    enqueue(held, 'p', false, batch(0, [0, 1]));
    expect(dequeue(held, 10, 1).records).toHaveLength(1);
  });
  test('passes markers at the end of a fetch', () => {
    const held = createPartitionTask(0, at(0, null), 0);
    enqueue(held, 'p', false, batch(0, [0, 1], 5));
    expect(dequeue(held, 10, 1e6).next).toBe(5);
  });
});
