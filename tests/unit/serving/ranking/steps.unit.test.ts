import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../common/random.ts';
import { createCatalogue } from '../../../../serving/ranking/catalogue.ts';
import {
  boost,
  discountImpressions,
  diversify,
  explore,
  pin,
  temperPopularity,
} from '../../../../serving/ranking/steps.ts';
import type { Ranked } from '../../../../serving/ranking/steps.ts';

const list = (...scores: readonly number[]): Ranked[] =>
  scores.map((score, i) => ({ movieId: i + 1, score, origin: 'ranked', propensity: 1 }));
const ids = (items: readonly Ranked[]): number[] => items.map(({ movieId }) => movieId);

describe('the impression discount', () => {
  it('takes a movie that was shown five times below half of the list', () => {
    const shown = new Map([[1, 5]]);
    const before = list(...Array.from({ length: 20 }, (_, i) => 3 - i * 0.1));
    const place = ids(discountImpressions(before, shown, 0.8)).indexOf(1);
    expect(place).toBeGreaterThan(10);
  });

  it('leaves a list alone of which nothing was shown', () => {
    const before = list(3, 2, 1);
    expect(discountImpressions(before, new Map(), 0.8)).toBe(before);
  });

  it('never lifts what something speaks against', () => {
    const after = discountImpressions(list(1, -1, -1.1), new Map([[2, 3]]), 0.8);
    expect(ids(after)).toEqual([1, 3, 2]);
  });
});

it('less known movies rise by the popularity exponent', () => {
  const popularity = new Map([
    [1, 1000],
    [2, 1],
  ]);
  const of = (movieId: number) => popularity.get(movieId) ?? 0;
  expect(ids(temperPopularity(list(1.2, 1), of, -0.1))).toEqual([2, 1]);
  expect(ids(temperPopularity(list(1.2, 1), of, 0))).toEqual([1, 2]);
});

it('a boost doubles at most, and halves at most', () => {
  const after = boost(list(1, 0.9, 0.6), (movieId) => (movieId === 3 ? 1 : movieId === 1 ? -1 : 0));
  expect(after.map(({ movieId, score }) => [movieId, score])).toEqual([
    [3, 1.2],
    [2, 0.9],
    [1, 0.5],
  ]);
});

describe('diversity', () => {
  const catalogue = createCatalogue([
    { movieId: 1, title: 'a', year: 2000, genres: ['Drama'] },
    { movieId: 2, title: 'b', year: 2000, genres: ['Drama'] },
    { movieId: 3, title: 'c', year: 2000, genres: ['Comedy'] },
    { movieId: 4, title: 'd', year: 2000, genres: ['Drama', 'Comedy'] },
  ]);

  it('by MMR puts another genre before more of the same', () => {
    const diversity = { kind: 'mmr', relevance: 0.5, over: 50 } as const;
    expect(ids(diversify(list(1, 0.99, 0.7, 0.6), catalogue, diversity))).toEqual([1, 3, 4, 2]);
    const plain = { kind: 'mmr', relevance: 1, over: 50 } as const;
    expect(ids(diversify(list(1, 0.99, 0.7, 0.6), catalogue, plain))).toEqual([1, 2, 3, 4]);
  });

  it('by most per genre loses nothing', () => {
    const most = { kind: 'most_per_genre', most: 1 } as const;
    expect(ids(diversify(list(4, 3, 2, 1), catalogue, most))).toEqual([1, 3, 2, 4]);
  });
});

describe('pins', () => {
  it('take their positions, and no movie stands twice', () => {
    const pins = [
      { movieId: 3, position: 1 },
      { movieId: 99, position: 3 },
    ];
    expect(ids(pin(list(5, 4, 3, 2), pins, 4))).toEqual([3, 1, 99, 2]);
  });

  it('stand at the end of a list that is too short for their position', () => {
    expect(ids(pin(list(5), [{ movieId: 9, position: 7 }], 10))).toEqual([1, 9]);
  });
});

describe('exploration', () => {
  const pool = [101, 102, 103, 104, 105, 106, 107, 108];
  const rules = { share: 0.2, fromPosition: 3 };

  it('shows each movie as often as its propensity says', () => {
    const random = createRandom(20261127);
    const seen = new Map<string, number>();
    const told = new Map<string, number>();
    const draws = 100_000;
    for (let n = 0; n < draws; n++)
      explore(list(6, 5, 4, 3, 2), pool, rules, random).forEach(({ movieId, propensity }, i) => {
        const key = `${movieId}@${i + 1}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
        told.set(key, propensity);
      });
    // Chi-square of each position against its propensities: 8 degrees of freedom, p = .001 at 26.1.
    for (const position of [3, 4, 5]) {
      let chi = 0;
      let total = 0;
      for (const movieId of [position, ...pool]) {
        const expected = (told.get(`${movieId}@${position}`) ?? 0) * draws;
        total += expected;
        chi += ((seen.get(`${movieId}@${position}`) ?? 0) - expected) ** 2 / expected;
      }
      expect(total).toBeCloseTo(draws, 6);
      expect(chi).toBeLessThan(26.1);
    }
    expect(told.get('1@1')).toBe(1);
  });

  it('never shows a movie twice, and leaves pins where they are', () => {
    const random = createRandom(7);
    const pinned = list(6, 5, 4, 3, 2).map((item, i): Ranked =>
      i === 3 ? { ...item, origin: 'pinned' } : item,
    );
    for (let n = 0; n < 200; n++) {
      const found = ids(explore(pinned, pool.slice(0, 3), { share: 0.9, fromPosition: 2 }, random));
      expect(new Set(found).size).toBe(5);
      expect(found[3]).toBe(4);
    }
  });

  it('explores nothing of a pool that is too small', () => {
    const before = list(6, 5, 4, 3, 2);
    expect(explore(before, [101], rules, createRandom(1))).toBe(before);
  });
});
