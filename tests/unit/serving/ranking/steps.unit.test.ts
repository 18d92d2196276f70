import { describe, expect, it } from 'vitest';
import { createCatalogue } from '../../../../serving/ranking/catalogue.ts';
import {
  boostFactor,
  impressionFactor,
  popularityFactor,
  reweigh,
} from '../../../../serving/ranking/steps.ts';
import type { Factor, Ranked } from '../../../../serving/ranking/steps.ts';
import { idsOf, rankedList } from './lists.ts';

const none = (): number => 0;
const by = (list: readonly Ranked[], factor: Factor | null, popularityOf: Factor = none) =>
  reweigh(list, factor === null ? [] : [factor], popularityOf);

describe('the impression discount', () => {
  const shown = new Map([[1, 5]]);

  it('takes a movie that was shown five times below half of the list', () => {
    const before = rankedList(...Array.from({ length: 20 }, (_, i) => 3 - i * 0.1));
    const after = idsOf(by(before, impressionFactor(shown, 0.8)));
    expect(after.indexOf(1)).toBeGreaterThan(10);
  });

  it('does so among movies that nothing but popularity speaks for', () => {
    const before = rankedList(...Array.from({ length: 20 }, () => 0));
    const popularityOf = (movieId: number) => 300 - 10 * movieId;
    const after = idsOf(by(before, impressionFactor(shown, 0.8), popularityOf));
    expect(after.indexOf(1)).toBeGreaterThan(10);
    expect(after.toSpliced(after.indexOf(1), 1)).toEqual(idsOf(before).slice(1));
  });

  it('leaves a list alone of which nothing was shown', () => {
    const before = rankedList(3, 2, 1);
    expect(by(before, impressionFactor(new Map(), 0.8))).toBe(before);
    expect(by(before, impressionFactor(shown, 1))).toBe(before);
  });

  it('never lifts what something speaks against, and keeps scores finite', () => {
    const list = rankedList(1, -1, -1.1);
    expect(idsOf(by(list, impressionFactor(new Map([[2, 3]]), 0.8)))).toEqual([1, 3, 2]);
    const gone = by(list, impressionFactor(new Map([[2, 3]]), 0));
    expect(gone.at(-1)?.movieId).toBe(2);
    expect(gone.at(-1)?.score).toBeGreaterThan(-Infinity);
  });
});

it('less known movies rise by the popularity exponent', () => {
  const popularity = new Map([
    [1, 1000],
    [2, 1],
  ]);
  const of = (movieId: number) => popularity.get(movieId) ?? 0;
  expect(idsOf(by(rankedList(1.2, 1), popularityFactor(of, -0.1), of))).toEqual([2, 1]);
  expect(popularityFactor(of, 0)).toBeNull();
});

describe('a boost', () => {
  const catalogue = createCatalogue(
    [['Drama'], ['Comedy', 'Drama'], ['Comedy', 'Noir'], []].map((genres, i) => ({
      movieId: i + 1,
      title: '',
      year: null,
      genres,
    })),
  );
  const factors = (genres: Record<string, number>, movies: Record<number, number> = {}) => {
    const ofMovies = Object.entries(movies).map(([id, by]) => [Number(id), by] as const);
    const factor = boostFactor(
      { genres: new Map(Object.entries(genres)), movies: new Map(ofMovies) },
      catalogue,
    );
    return [1, 2, 3, 4].map((movieId) => factor?.(movieId) ?? null);
  };

  it('doubles at most, and halves at most', () => {
    expect(factors({ comedy: 1, noir: 1, drama: -1 })).toEqual([0.5, 1, 2, 1]);
  });

  it("of a movie's own counts alone", () => {
    expect(factors({ comedy: 1 }, { 2: -1 })).toEqual([1, 0.5, 2, 1]);
  });

  it('that is not there changes nothing', () => {
    expect(factors({})).toEqual([null, null, null, null]);
  });

  it('moves a movie by its new score', () => {
    const after = by(rankedList(1, 0.9, 0.6), (movieId) => [0, 0.5, 1, 2][movieId] ?? 1);
    expect(after.map(({ movieId, score }) => [movieId, score])).toEqual([
      [3, 1.2],
      [2, 0.9],
      [1, 0.5],
    ]);
  });
});
