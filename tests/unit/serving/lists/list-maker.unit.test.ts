import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { userLists } from '../../../../serving/lists/list-maker.ts';
import type { ListWish } from '../../../../serving/lists/list-maker.ts';
import type { ListSources } from '../../../../serving/lists/list-sources.ts';
import { createRankers } from '../../../../serving/lists/rankers.ts';
import { createCatalogue } from '../../../../serving/ranking/catalogue.ts';
import type { HistoryRow } from '../../../../serving/ranking/history.ts';
import { builtInSurfaces } from '../../../../serving/surfaces/read-surfaces.ts';
import { modelOf } from '../ranking/models.ts';

const NOW = 1_000_000;
const { default: home } = builtInSurfaces();
const foldIn = { alpha: 1, regularisation: 0.1, oldShare: 1, cut: 0 };
const catalogueOf = (ids: readonly number[]) =>
  createCatalogue(
    ids.map((movieId) => ({ movieId, title: `Movie ${movieId}`, year: 1990, genres: ['Drama'] })),
  );
const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => 10 * (i + 1));
const wish: ListWish = {
  surface: home,
  length: 5,
  filter: { exclude: [], genres: [], yearFrom: null, yearTo: null },
  seenPolicy: null,
  firstPosition: 1,
  shown: new Map(),
};
const row = (movieId: number, seen = true): HistoryRow => ({
  ...{ movieId, seen },
  weight: 6,
  lastAt: NOW,
});
const listed = ({ items }: { readonly items: readonly { readonly movieId: number }[] }) =>
  items.map(({ movieId }) => movieId);

const model = modelOf({
  movies: 12,
  popularity: ids(12).map((_, i) => i),
  neighbours: [
    { movieId: 10, otherId: 30, weight: 1 },
    { movieId: 10, otherId: 40, weight: 0.5 },
  ],
});
const sources: ListSources = {
  catalogue: catalogueOf(ids(12)),
  rankers: createRankers(model, foldIn),
  generation: 1,
  trending: null,
};

describe('a list', () => {
  it('begins with what the history speaks for, and is filled by what is popular', () => {
    const made = userLists(sources, { profileVersion: 1, history: [row(10)] }, NOW).make(wish);
    expect(made.algorithm).toBe('item_item');
    expect(listed(made)).toEqual([30, 40, 120, 110, 100]);
    expect(made.items.map(({ reason }) => reason.kind)).toEqual([
      ...['because_you', 'because_you'],
      ...['popular', 'popular', 'popular'],
    ]);
  });

  it('of somebody unknown is what many do now, then what many liked', () => {
    const now = { ...sources, trending: { movieIds: [20, 999], scores: [3, 2] } };
    const made = userLists(now, null, NOW).make(wish);
    expect([made.algorithm, listed(made)]).toEqual(['trending', [20, 120, 110, 100, 90]]);
    expect(made.items[0]?.score).toBe(1);
  });

  it('without a model is the catalogue, and of three movies three', () => {
    const bare = { ...sources, rankers: null, catalogue: catalogueOf([7, 8, 9]) };
    const made = userLists(bare, { profileVersion: 1, history: [row(7)] }, NOW).make(wish);
    expect(listed(made)).toEqual([9, 8]);
    expect(listed(userLists(bare, null, NOW).make(wish))).toEqual([9, 8, 7]);
  });

  it('is full as long as there are movies, holds each once, none seen and none withdrawn', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 14 }), { maxLength: 14 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 14 }), { maxLength: 14 }),
        fc.integer({ min: 1, max: 20 }),
        (seen, offered, length) => {
          const some = { ...sources, catalogue: catalogueOf(offered.map((i) => 10 * i)) };
          const history = seen.map((i) => row(10 * i));
          const made = userLists(some, { profileVersion: 1, history }, NOW).make({
            ...wish,
            length,
          });
          const allowed = offered.filter((i) => !seen.includes(i)).map((i) => 10 * i);
          expect(new Set(listed(made)).size).toBe(made.items.length);
          expect(made.items.length).toBe(Math.min(length, allowed.length));
          expect(listed(made).every((movieId) => allowed.includes(movieId))).toBe(true);
        },
      ),
    );
  });

  it('of a surface that explores has what may be drawn beside it', () => {
    const exploring = { ...home, exploration: { share: 0.2, fromPosition: 2, pool: 3 } };
    const made = userLists(sources, null, NOW).make({ ...wish, surface: exploring });
    expect([made.items.length, made.pool.length]).toEqual([5, 3]);
    expect(new Set([...listed(made), ...made.pool.map(({ movieId }) => movieId)]).size).toBe(8);
    expect(made.items.every(({ propensity }) => propensity === 1)).toBe(true);
  });
});
