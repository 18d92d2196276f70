import { createRandom } from '../../../common/random.ts';
import type { MovieLensRows } from '../../support/movielens.ts';

/** Series of movies that are watched one after the other. */
const SERIES = 12;
const LENGTH = 12;
const USERS = 80;
const RATINGS = 40;
const SECONDS = 60;
const DAY_S = 86_400;

/**
 * A world in which order says much: each user likes some series, sees a stretch of one, then a stretch of another,
 * and goes on where they were. Between visits lies more than a day.
 */
export function makeSeries(seed: number): MovieLensRows {
  const random = createRandom(seed, 'series');
  const movieOf = (series: number, part: number): number => series * LENGTH + part + 1;
  const ratings: string[] = [];
  for (let user = 1; user <= USERS; user++) {
    const liked = Array.from({ length: 5 }, (_, i) => (user + i * (1 + (user % 2))) % SERIES);
    const parts = new Map(liked.map((series) => [series, 0]));
    let at = 1_000_000_000 + random.below(DAY_S);
    for (let n = 0; n < RATINGS;) {
      const series = random.pick(liked);
      for (let step = 0; step < 5 && n < RATINGS; step++) {
        const part = parts.get(series) ?? 0;
        if (part === LENGTH) break;
        parts.set(series, part + 1);
        at += SECONDS;
        ratings.push(`${user},${movieOf(series, part)},${random.next() < 0.9 ? 4.5 : 3},${at}`);
        n++;
      }
      if (random.next() < 0.1) at += 30 * 3_600;
    }
  }
  const ids = Array.from({ length: SERIES * LENGTH }, (_, i) => i + 1);
  return {
    movies: ids.map((id) => `${id},Part ${id} (1990),Drama`),
    links: ids.map((id) => `${id},,`),
    tags: [],
    ratings,
  };
}
