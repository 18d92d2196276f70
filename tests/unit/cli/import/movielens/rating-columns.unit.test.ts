import { expect, it } from 'vitest';
import {
  addRating,
  createColumns,
  orderRows,
} from '../../../../../cli/import/movielens/rating-columns.ts';

/** Rows of user, movie and seconds; lines count from 2, after the header. */
function columnsOf(rows: readonly (readonly [number, number, number])[], room?: number) {
  const columns = createColumns(room);
  for (const [index, [user, movie, seconds]] of rows.entries())
    addRating(columns, { user, movie, seconds, stars: index, line: index + 2 });
  return columns;
}

function ordered(rows: readonly (readonly [number, number, number])[]) {
  const repeats: [line: number, firstLine: number][] = [];
  const kept = orderRows(columnsOf(rows), (...repeat) => repeats.push(repeat));
  return { kept: [...kept], repeats };
}

it('orders rows by time, then user, then movie', () => {
  const rows = [
    [2, 1, 20],
    [2, 9, 10],
    [2, 3, 10],
    [1, 5, 10],
  ] as const;
  expect(ordered(rows)).toEqual({ kept: [3, 2, 1, 0], repeats: [] });
});

it('keeps the first line of a rating that is repeated, and names the others', () => {
  const rows = [
    [1, 1, 10],
    [2, 1, 10],
    [1, 1, 10],
    [1, 1, 10],
  ] as const;
  expect(ordered(rows)).toEqual({
    kept: [0, 1],
    repeats: [
      [4, 2],
      [5, 2],
    ],
  });
});

it('keeps the same rating of another second: the user has thought again', () => {
  expect(
    ordered([
      [1, 1, 10],
      [1, 1, 11],
    ]).kept,
  ).toEqual([0, 1]);
});

it('keeps all rows when it makes room for more', () => {
  const rows = Array.from({ length: 5 }, (_, i) => [i + 1, i + 11, i + 21] as const);
  const { count, users, movies, seconds, stars, lines } = columnsOf(rows, 2);
  expect(count).toBe(5);
  expect([...users.subarray(0, 5)]).toEqual([1, 2, 3, 4, 5]);
  expect([...movies.subarray(0, 5)]).toEqual([11, 12, 13, 14, 15]);
  expect([...seconds.subarray(0, 5)]).toEqual([21, 22, 23, 24, 25]);
  expect([...stars.subarray(0, 5)]).toEqual([0, 1, 2, 3, 4]);
  expect([...lines.subarray(0, 5)]).toEqual([2, 3, 4, 5, 6]);
});
