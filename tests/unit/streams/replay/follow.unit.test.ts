import { expect, it } from 'vitest';
import { offsetsDone } from '../../../../streams/replay/follow.ts';

const start = (partition: number, from: number) => ({
  ...{ partition, from, ledgerFrom: from, kept: false, copyBelow: 0 },
});
const starts = [start(0, 100), start(1, 0), start(2, 40)];
const limits = new Map([
  [0, 150],
  [1, 30],
  [2, 40],
]);

it('counts offsets from the starts up to the limits', () => {
  expect(offsetsDone(starts, limits, new Map([[0, 120]]))).toEqual({ done: 20, due: 80 });
  expect(offsetsDone(starts, limits, limits)).toEqual({ done: 80, due: 80 });
});

it('owes nothing where the limit is unknown or lies before the start', () => {
  expect(offsetsDone([start(9, 5)], limits, new Map())).toEqual({ done: 0, due: 0 });
  expect(offsetsDone([start(0, 200)], limits, new Map())).toEqual({ done: 0, due: 0 });
});

it('counts no partition beyond its limit, so that none makes up for another', () => {
  const replayed = new Map([
    [0, 900],
    [1, 10],
  ]);
  expect(offsetsDone(starts, limits, replayed)).toEqual({ done: 60, due: 80 });
});
