import { createRandom } from '../../common/random.ts';
import type { MovieLensRows } from './movielens.ts';
import { HOUR_MS } from '../../common/time.ts';

const DAY_S = 86_400;
/** 2001-09-01, long before anything that is hot. */
const FIRST_S = 999_302_400;

/** A made-up set: `dates` dates, `perDate` ratings on each, in no order; the same for a seed. */
export function madeUpRatings(seed: number, dates: number, perDate: number): MovieLensRows {
  const random = createRandom(seed);
  const movies = Array.from(
    { length: 30 },
    (_, n) => `${String(n + 1)},Movie ${String(n)} (1999),Drama`,
  );
  const ratings = Array.from({ length: dates * perDate }, (_, n) => {
    const at = FIRST_S + (n % dates) * DAY_S + random.below(DAY_S);
    const stars = (0.5 + random.below(10) / 2).toFixed(1);
    return {
      by: random.below(1_000),
      line: `${String(n + 1)},${String(1 + random.below(30))},${stars},${String(at)}`,
    };
  });
  ratings.sort((a, b) => a.by - b.by);
  return { movies, links: [], tags: [], ratings: ratings.map(({ line }) => line) };
}

/** Lines of JSON as an app's own log may have them. */
export function jsonLines(seed: number, count: number): string[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, n) => {
    const at = (FIRST_S + n * 3_600) * 1_000 + random.below(HOUR_MS);
    const rate = n % 3 === 0;
    return JSON.stringify({
      user_id: `user-${String(random.below(20))}`,
      action: rate ? 'rate' : 'view',
      movie_id: 1 + random.below(50),
      ...(rate ? { value: 3.5 } : {}),
      occurred_at: n % 2 === 0 ? at : new Date(at).toISOString(),
    });
  });
}
