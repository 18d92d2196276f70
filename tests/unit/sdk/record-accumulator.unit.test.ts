import { describe, expect, it } from 'vitest';
import { createRecordAccumulator } from '../../../sdk/src/record-accumulator.ts';
import type { RecordAccumulator } from '../../../sdk/src/record-accumulator.ts';
import { recordAt } from './records.ts';

/** Takes what is queued: the times at which each partition's records were handed over. */
function queued(accumulator: RecordAccumulator): number[][] {
  return accumulator.topics().flatMap(({ partitions }) =>
    partitions.map(({ queue }) => {
      const times: number[] = [];
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        times.push(next.queuedAt);
      }
      return times;
    }),
  );
}

describe('createRecordAccumulator', () => {
  it('keeps records until the partitions are known, then brings them there in order', () => {
    const added: string[] = [];
    const accumulator = createRecordAccumulator((topic) => added.push(topic));
    for (let at = 0; at < 5; at += 1) accumulator.append(recordAt(at, { hash: at }));
    accumulator.applyMetadata(() => null);
    expect(queued(accumulator)).toEqual([]);
    accumulator.applyMetadata(() => [1, 1]);
    accumulator.append(recordAt(5, { hash: -1 }));
    expect(queued(accumulator)).toEqual([
      [0, 2, 4],
      [1, 3, 5],
    ]);
    expect(added).toEqual(['t']);
  });

  it('takes new leaders and new partitions over', () => {
    const accumulator = createRecordAccumulator(() => undefined);
    accumulator.append(recordAt(0));
    accumulator.applyMetadata(() => [1]);
    accumulator.applyMetadata(() => [2, 3]);
    accumulator.append(recordAt(1, { hash: 1 }));
    expect(accumulator.topics().map(({ leaders }) => leaders)).toEqual([[2, 3]]);
    expect(queued(accumulator)).toEqual([[0], [1]]);
  });

  it('takes what has expired, with partitions and without, and leaves what is in flight', () => {
    const accumulator = createRecordAccumulator(() => undefined);
    for (const at of [1, 2, 7]) accumulator.append(recordAt(at, { hash: at }));
    accumulator.applyMetadata((topic) => (topic === 't' ? [1, 1] : null));
    for (const at of [3, 8]) accumulator.append(recordAt(at, { topic: 'unknown' }));
    const [, odd] = accumulator.topics()[0]?.partitions ?? [];
    if (odd === undefined) throw new Error('there is no second partition');
    odd.inFlight = true;
    const first = accumulator.takeExpired(5);
    expect(first.records.map(({ queuedAt }) => queuedAt).toSorted()).toEqual([2, 3]);
    expect(first.oldestQueuedAt).toBe(8);
    odd.inFlight = false;
    const second = accumulator.takeExpired(5);
    expect(second.records.map(({ queuedAt }) => queuedAt)).toEqual([1]);
    expect(second.oldestQueuedAt).toBe(7);
    expect(second.fateUnknown).toBe(false);
  });

  it('says Infinity when nothing is left that could expire', () => {
    const accumulator = createRecordAccumulator(() => undefined);
    expect(accumulator.takeExpired(5).oldestQueuedAt).toBe(Infinity);
  });

  it('gives everything up at the end', () => {
    const accumulator = createRecordAccumulator(() => undefined);
    accumulator.append(recordAt(1));
    accumulator.applyMetadata((topic) => (topic === 't' ? [1] : null));
    accumulator.append(recordAt(2, { topic: 'unknown' }));
    expect(accumulator.takeAll().map(({ queuedAt }) => queuedAt)).toEqual([1, 2]);
    expect(accumulator.takeAll()).toEqual([]);
  });
});
