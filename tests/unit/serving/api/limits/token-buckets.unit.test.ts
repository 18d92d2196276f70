import { expect, it } from 'vitest';
import { createTokenBuckets } from '../../../../../serving/api/limits/token-buckets.ts';

it('gives a second at once, then as many as come, each id by itself', () => {
  const buckets = createTokenBuckets();
  for (let n = 0; n < 10; n++) expect(buckets.take('a', 10, 1_000)).toBe(0);
  expect(buckets.take('a', 10, 1_000)).toBe(100);
  expect(buckets.take('a', 10, 1_050)).toBe(50);
  expect(buckets.take('a', 10, 1_100)).toBe(0);
  expect(buckets.take('a', 10, 1_100)).toBe(100);
  expect(buckets.take('b', 10, 1_100)).toBe(0);
});

it('never holds more than a second brings, however long nobody came', () => {
  const buckets = createTokenBuckets();
  buckets.take('a', 5, 0);
  let given = 0;
  while (buckets.take('a', 5, 1e9) === 0) given++;
  expect(given).toBe(5);
});

it('stands still when the clock goes back', () => {
  const buckets = createTokenBuckets();
  expect(buckets.take('a', 1, 5_000)).toBe(0);
  expect(buckets.take('a', 1, 1_000)).toBe(1_000);
});
