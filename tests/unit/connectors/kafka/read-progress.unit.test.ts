import { describe, expect, it } from 'vitest';
import { createReadProgress, recordsWithin } from '../../../../connectors/kafka/read-progress.ts';

const progressOf = (from: number, to: number) => createReadProgress(new Map([[0, { from, to }]]));

describe('a read', () => {
  it('is done at once where the ranges are empty', () => {
    expect(progressOf(5, 5).isDone()).toBe(true);
    expect(progressOf(5, 5).nextOffset(0)).toBeUndefined();
    expect(progressOf(5, 6).isDone()).toBe(false);
  });

  it('goes on where the last delivered batch ended, passed on or not', () => {
    const progress = progressOf(5, 100);
    expect(progress.nextOffset(0)).toBe(5);
    expect(progress.delivered(0, 20)).toEqual({ from: 5, to: 100 });
    expect(progress.nextOffset(0)).toBe(20);
  });

  it('takes nothing of a batch that brings nothing new, or that nobody asked for', () => {
    const progress = progressOf(5, 100);
    progress.delivered(0, 20);
    expect(progress.delivered(0, 20)).toBeUndefined();
    expect(progress.delivered(0, 12)).toBeUndefined();
    expect(progress.delivered(9, 12)).toBeUndefined();
    expect(progress.delivered(0, 30)).toEqual({ from: 20, to: 100 });
  });

  it('waits for more once all that was delivered was passed on', () => {
    const progress = progressOf(0, 100);
    progress.delivered(0, 10);
    progress.delivered(0, 20);
    expect(progress.passedOn(0, 10)).toBe(false);
    expect(progress.passedOn(0, 20)).toBe(true);
  });

  it('is done when the last partition was passed on to its end', () => {
    const progress = createReadProgress(
      new Map([
        [0, { from: 0, to: 10 }],
        [1, { from: 0, to: 10 }],
      ]),
    );
    progress.delivered(0, 15);
    expect(progress.nextOffset(0)).toBeUndefined();
    expect(progress.passedOn(0, 15)).toBe(false);
    expect(progress.isDone()).toBe(false);
    progress.delivered(1, 10);
    progress.passedOn(1, 10);
    expect(progress.isDone()).toBe(true);
  });

  it('without an end goes on for ever', () => {
    const progress = progressOf(0, Infinity);
    progress.delivered(0, 1e9);
    expect(progress.passedOn(0, 1e9)).toBe(true);
    expect(progress.isDone()).toBe(false);
  });
});

describe('recordsWithin', () => {
  const records = [3, 5, 8].map((offset) => ({ offset }));
  it.each([
    [{ from: 0, to: 9 }, [3, 5, 8]],
    [{ from: 4, to: 9 }, [5, 8]],
    [{ from: 0, to: 8 }, [3, 5]],
    [{ from: 9, to: 20 }, []],
  ])('of %o', (range, offsets) => {
    expect(recordsWithin(records, range).map(({ offset }) => offset)).toEqual(offsets);
  });
});
