import { expect, test } from 'vitest';
import { median, percentile, steadyState } from '../../bench/runner/rate.ts';
import { MINUTE_MS } from '../../../common/time.ts';

test('the rate leaves out the first 20 % and the last 5 % of the rows', () => {
  // 10 rows a commit: a slow start, 100 rows/s in the middle, a slow end.
  const commits = [
    { atMs: 0, rows: 10 },
    { atMs: 5_000, rows: 10 },
    ...Array.from({ length: 17 }, (_, at) => ({ atMs: 5_100 + at * 100, rows: 10 })),
    { atMs: MINUTE_MS, rows: 10 },
  ];
  const steady = steadyState(commits);
  expect(steady.fromMs).toBe(5_200);
  expect(steady.rows).toBe(150);
  expect(steady.rowsPerSecond).toBeCloseTo(100);
  expect(steady.lastCommitMs).toBe(MINUTE_MS);
});

test('one commit tells no rate', () => {
  expect(() => steadyState([{ atMs: 0, rows: 100 }])).toThrow(RangeError);
});

test('median of an even number of values lies between the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 5])).toBe(5);
  expect(median([])).toBeNaN();
});

test('percentile takes the nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, at) => 100 - at);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile(values, 1)).toBe(100);
  expect(percentile([7], 0.5)).toBe(7);
});
