import { expect, it } from 'vitest';
import { positionsOf } from '../../../../cli/demo/catch-up.ts';
import type { PartitionLag } from '../../../../operations/lag.ts';

const lag = (over: Partial<PartitionLag>): PartitionLag => ({
  processor: 'interactions',
  topic: 'user-actions.v1',
  partition: 0,
  logStart: 0,
  logEnd: 10,
  nextOffset: 10,
  lagEvents: 0,
  lagSeconds: 0,
  asOf: null,
  owner: null,
  epoch: 0,
  outsideLog: false,
  ...over,
});

it('adds up the partitions of each processor', () => {
  const partitions = [
    lag({}),
    lag({ partition: 1, logEnd: 20, nextOffset: 5 }),
    lag({ processor: 'movies', topic: 'movies.v1', logEnd: 3, nextOffset: 3 }),
  ];
  expect(positionsOf(partitions)).toEqual([
    {
      processor: 'interactions',
      topic: 'user-actions.v1',
      applied: 15,
      total: 30,
      caughtUp: false,
    },
    { processor: 'movies', topic: 'movies.v1', applied: 3, total: 3, caughtUp: true },
  ]);
});

it('is not caught up where a processor has never been, unless nothing was ever there', () => {
  expect(positionsOf([lag({ nextOffset: null })])[0]).toMatchObject({
    applied: 0,
    caughtUp: false,
  });
  expect(positionsOf([lag({ nextOffset: null, logEnd: 0 })])[0]?.caughtUp).toBe(true);
});
