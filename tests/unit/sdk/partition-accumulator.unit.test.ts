import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createPartitionAccumulator,
  enqueue,
  ensureBatch,
  hasWork,
  oldestQueuedAt,
  restartSequences,
  seal,
  splitBatch,
  takeAcknowledged,
  takeAll,
  takeExpired,
  takeRefused,
} from '../../../sdk/src/partition-accumulator.ts';
import type { PartitionAccumulator } from '../../../sdk/src/partition-accumulator.ts';
import { recordAt } from './records.ts';

const LIMITS = { batchBytesMax: 1_000, batchEventsMax: 2 };
const IDENTITY = { producerId: 1n, producerEpoch: 0 };

/** A partition whose records were handed over at 1, 2, 3, ... */
function filled(count: number): PartitionAccumulator {
  const partition = createPartitionAccumulator('t', 0);
  for (let at = 1; at <= count; at += 1) enqueue(partition, recordAt(at));
  return partition;
}

function times(records: readonly { readonly queuedAt: number }[]): number[] {
  return records.map(({ queuedAt }) => queuedAt);
}

/** Makes the next batch and gives it its sequence, as sending does. */
async function send(partition: PartitionAccumulator): Promise<number> {
  await ensureBatch(partition, LIMITS, 1);
  if (partition.batch === null) throw new Error('there is no batch');
  seal(partition, partition.batch, IDENTITY);
  return partition.batch.sequence;
}

describe('a partition', () => {
  it('fills batches up to the limits, oldest records first', async () => {
    const partition = filled(5);
    for (const expected of [[1, 2], [3, 4], [5]]) {
      await send(partition);
      expect(times(takeAcknowledged(partition))).toEqual(expected);
    }
    expect(hasWork(partition)).toBe(false);
    expect(partition.queuedBytes).toBe(0);
  });

  it('takes one record at least, be it larger than a batch may be', async () => {
    const partition = filled(2);
    await ensureBatch(partition, { ...LIMITS, batchBytesMax: 5 }, 1);
    expect(times(partition.batch?.records ?? [])).toEqual([1]);
  });

  it.each([
    [Infinity, true],
    [5_000, false],
  ])('compresses a batch of 10 kB where at most %d are', async (gzipBytesMax, gzipped) => {
    const limits = { batchBytesMax: 1e6, batchEventsMax: 1_000, gzipBytesMax };
    const partition = filled(1_000);
    await ensureBatch(partition, limits, 1);
    expect(partition.batch?.gzipped).toBe(gzipped);
    expect(partition.batch?.records).toHaveLength(1_000);
  });

  it('numbers batches without a gap, and a resend as before', async () => {
    const partition = filled(5);
    expect([await send(partition), await send(partition)]).toEqual([0, 0]);
    takeAcknowledged(partition);
    expect(await send(partition)).toBe(2);
    takeRefused(partition);
    expect(await send(partition)).toBe(2);
  });

  it('begins with 0 under a new identity, also what was sent before', async () => {
    const partition = filled(4);
    await send(partition);
    takeAcknowledged(partition);
    await send(partition);
    restartSequences(partition);
    expect(await send(partition)).toBe(0);
  });

  it('sends the halves of a split batch before all else', async () => {
    const partition = filled(4);
    await send(partition);
    splitBatch(partition);
    const sent: number[][] = [];
    for (let n = 0; n < 3; n += 1) {
      expect(await send(partition)).toBe(n);
      sent.push(times(takeAcknowledged(partition)));
    }
    expect(sent).toEqual([[1], [2], [3, 4]]);
  });

  it('keeps every record in the order of the calls, whatever became of its batches', async () => {
    const step = fc.constantFrom('send', 'split', 'enqueue');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const partition = filled(3);
        let last = 3;
        for (const action of steps) {
          if (action === 'enqueue') enqueue(partition, recordAt(++last));
          else if (action === 'send') await send(partition);
          else if ((partition.batch?.records.length ?? 0) > 1) splitBatch(partition);
        }
        expect(oldestQueuedAt(partition)).toBe(1);
        expect(times(takeAll(partition))).toEqual(Array.from({ length: last }, (_, n) => n + 1));
        expect([hasWork(partition), partition.queuedBytes]).toEqual([false, 0]);
      }),
    );
  });
});

describe('takeExpired', () => {
  it('takes what is in the queue up to that time, and no younger record', () => {
    const partition = filled(3);
    expect(takeExpired(partition, 0)).toEqual({ records: [], fateUnknown: false });
    const { records, fateUnknown } = takeExpired(partition, 2);
    expect([times(records), fateUnknown]).toEqual([[1, 2], false]);
    expect(times(takeAll(partition))).toEqual([3]);
  });

  it('gives a batch up as a whole, and says that it may be in the log', async () => {
    const partition = filled(3);
    await send(partition);
    const { records, fateUnknown } = takeExpired(partition, 1);
    expect([times(records), fateUnknown]).toEqual([[1, 2], true]);
    expect(times(takeAll(partition))).toEqual([3]);
  });

  it('knows that a batch that was never sent is not in the log', async () => {
    const partition = filled(2);
    await ensureBatch(partition, LIMITS, 1);
    expect(takeExpired(partition, 1).fateUnknown).toBe(false);
  });

  it('takes the halves of a split batch one by one', async () => {
    const partition = filled(3);
    await send(partition);
    splitBatch(partition);
    expect(times(takeExpired(partition, 3).records)).toEqual([1]);
    expect(times(takeExpired(partition, 1).records)).toEqual([]);
    expect(times(takeExpired(partition, 3).records)).toEqual([2]);
    expect(times(takeExpired(partition, 3).records)).toEqual([3]);
  });
});
