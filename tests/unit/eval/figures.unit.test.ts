import { describe, expect, test } from 'vitest';
import { interval, ndcg } from '../../eval/figures.ts';

describe('ndcg', () => {
  test('is 1 for the best list, whatever stands behind it', () => {
    expect(ndcg([1, 2, 9], new Set([1, 2]))).toBe(1);
    expect(
      ndcg([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], new Set(Array.from({ length: 30 }, (_, i) => i))),
    ).toBe(1);
  });

  test('counts a place less the further down it is, and none beyond the tenth', () => {
    expect(ndcg([9, 1], new Set([1]))).toBeCloseTo(1 / Math.log2(3), 12);
    expect(ndcg([...Array.from({ length: 10 }, (_, i) => 100 + i), 1], new Set([1]))).toBe(0);
    expect(ndcg([], new Set([1]))).toBe(0);
  });
});

describe('interval', () => {
  test('is the mean alone where all are alike', () => {
    expect(interval([0.5, 0.5, 0.5], 1)).toEqual({ mean: 0.5, low: 0.5, high: 0.5 });
  });

  test('covers a mean by its standard error, and a seed gives it again', () => {
    const values = Array.from({ length: 400 }, (_, i) => i % 2);
    const found = interval(values, 7);
    expect(found.mean).toBe(0.5);
    // 1.96 standard errors of 0.025.
    expect(found.low).toBeCloseTo(0.451, 1);
    expect(found.high - found.low).toBeGreaterThan(0.08);
    expect(found.high - found.low).toBeLessThan(0.12);
    expect(interval(values, 7)).toEqual(found);
  });

  test('of nothing is 0', () => {
    expect(interval([], 1)).toEqual({ mean: 0, low: 0, high: 0 });
  });
});
