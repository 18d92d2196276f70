import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../../common/time.ts';
import { Accumulator } from '../../../../serving/ranking/accumulator.ts';
import { inOrder } from '../../../../serving/ranking/history.ts';
import type { HistoryRow } from '../../../../serving/ranking/history.ts';
import { createLiveScorer, LIVE_DEFAULTS } from '../../../../serving/ranking/live-scores.ts';
import { modelOf } from './models.ts';

const row = (movieId: number, weight: number, lastAt: number): HistoryRow => ({
  movieId,
  weight,
  lastAt,
  seen: true,
});

/** The formula, densely and without a thought of speed. */
function dense(
  movies: number,
  neighbours: readonly { movieId: number; otherId: number; weight: number }[],
  next: readonly { movieId: number; otherId: number; weight: number }[],
  history: readonly HistoryRow[],
  now: number,
): number[] {
  const { boost, boostHalfLife, fadeMs, nextShare, nextActions, nextHalfLife } = LIVE_DEFAULTS;
  const item = new Array<number>(movies).fill(0);
  const after = new Array<number>(movies).fill(0);
  const f = Math.exp(-Math.max(0, now - (history.at(-1)?.lastAt ?? 0)) / fadeMs);
  const add = (to: number[], rows: typeof next, id: number, factor: number): void => {
    for (const { movieId, otherId, weight } of rows)
      if (movieId === id) to[otherId / 10 - 1] = (to[otherId / 10 - 1] ?? 0) + factor * weight;
  };
  history.forEach(({ movieId, weight }, k) => {
    const later = history.length - 1 - k;
    add(item, neighbours, movieId, weight * (1 + boost * f * 0.5 ** (later / boostHalfLife)));
    if (later < nextActions)
      add(after, next, movieId, (0.5 ** (later / nextHalfLife) * weight) / 4);
  });
  const deviation = (values: number[]): number => {
    const mean = values.reduce((a, b) => a + b, 0) / movies;
    return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / movies);
  };
  const [a, b] = [deviation(item), deviation(after)];
  return item.map(
    (value, i) => (a === 0 ? 0 : value / a) + (b === 0 ? 0 : (nextShare * f * (after[i] ?? 0)) / b),
  );
}

const entries = (movies: number) =>
  fc.uniqueArray(
    fc.record({
      movieId: fc.integer({ min: 1, max: movies }).map((i) => 10 * i),
      otherId: fc.integer({ min: 1, max: movies }).map((i) => 10 * i),
      // As float32 keeps them.
      weight: fc.integer({ min: -64, max: 64 }).map((i) => i / 16),
    }),
    { selector: ({ movieId, otherId }) => `${movieId}/${otherId}`, maxLength: 40 },
  );

describe('live scores', () => {
  it('are the formula, whatever the tables and the history', () => {
    const movies = 12;
    fc.assert(
      fc.property(
        entries(movies),
        entries(movies),
        fc.array(
          fc.record({
            movieId: fc.integer({ min: 1, max: movies + 2 }).map((i) => 10 * i),
            weight: fc.integer({ min: 0, max: 12 }),
            lastAt: fc.integer({ min: 0, max: 4 * HOUR_MS }),
          }),
          { maxLength: 30 },
        ),
        (neighbours, next, actions) => {
          const byMovie = new Map(actions.map((action) => [action.movieId, action]));
          const history = inOrder(
            [...byMovie.values()].map((a) => row(a.movieId, a.weight, a.lastAt)),
          );
          const now = 4 * HOUR_MS;
          const scores = createLiveScorer(
            modelOf({ movies, neighbours, next }),
            LIVE_DEFAULTS,
          ).score(history, now);
          dense(movies, neighbours, next, history, now).forEach((value, place) => {
            expect(scores.get(place)).toBeCloseTo(value, 9);
          });
        },
      ),
    );
  });

  it('forget the user before: a second history gives what it gives alone', () => {
    const neighbours = [
      { movieId: 10, otherId: 20, weight: 1 },
      { movieId: 30, otherId: 40, weight: 2 },
    ];
    const model = modelOf({ movies: 4, neighbours });
    const used = createLiveScorer(model, LIVE_DEFAULTS);
    used.score([row(10, 6, 0)], 0);
    const second = used.score([row(30, 6, 0)], 0);
    const alone = createLiveScorer(model, LIVE_DEFAULTS).score([row(30, 6, 0)], 0);
    expect([0, 1, 2, 3].map((place) => second.get(place))).toEqual(
      [0, 1, 2, 3].map((place) => alone.get(place)),
    );
    expect(second.get(1)).toBe(0);
  });

  it('have no order left a day after the last action', () => {
    const neighbours = [
      { movieId: 10, otherId: 30, weight: 1 },
      { movieId: 20, otherId: 40, weight: 1 },
    ];
    const scorer = createLiveScorer(modelOf({ movies: 4, neighbours }), LIVE_DEFAULTS);
    const history = [row(10, 6, 0), row(20, 6, 1)];
    const soon = scorer.score(history, 1);
    expect(soon.get(3)).toBeGreaterThan(soon.get(2));
    const later = scorer.score(history, 24 * HOUR_MS);
    expect(later.get(3)).toBeCloseTo(later.get(2), 9);
  });

  it('take a last action in the future for one of now', () => {
    const neighbours = [{ movieId: 10, otherId: 20, weight: 1 }];
    const scorer = createLiveScorer(modelOf({ movies: 3, neighbours }), LIVE_DEFAULTS);
    const now = scorer.score([row(10, 6, 5)], 5).get(1);
    expect(scorer.score([row(10, 6, HOUR_MS)], 5).get(1)).toBe(now);
  });
});

it('an accumulator means nothing of an older round, also when its rounds wrap', () => {
  const sums = new Accumulator(3);
  sums.add(1, 5);
  sums.clear();
  expect([sums.get(1), sums.has(1), sums.touched().length]).toEqual([0, false, 0]);
  sums.add(2, 1);
  sums.add(2, 2);
  expect([sums.get(2), [...sums.touched()]]).toEqual([3, [2]]);
});

describe('live scores of a blend', () => {
  const blend = {
    kind: 'blend',
    popularityShare: 0.5,
    itemDeviation: 2,
    popularityDeviation: 4,
  } as const;
  const neighbours = [{ movieId: 10, otherId: 20, weight: 3 }];
  const blended = {
    ...modelOf({ movies: 3, neighbours, popularity: [8, 4, 12] }),
    blend,
  };

  it('measure both parts over all users, whatever was boosted', () => {
    const scorer = createLiveScorer(blended, LIVE_DEFAULTS);
    for (const now of [0, 100 * HOUR_MS]) {
      const scores = scorer.score([row(10, 6, 0)], now);
      // 6 x 3 in deviations of 2, and popularity 4, 12 in deviations of 4 by half.
      expect([1, 2].map((place) => scores.get(place))).toEqual([9.5, 1.5]);
    }
  });

  it('of popularity alone are how many liked the movie', () => {
    const popular = { ...blended, blend: { kind: 'popularity' } as const };
    const scores = createLiveScorer(popular, LIVE_DEFAULTS).score([row(10, 6, 0)], 0);
    expect([0, 1, 2].map((place) => scores.get(place))).toEqual([8, 4, 12]);
  });
});
