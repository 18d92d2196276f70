import { join } from 'node:path';
import type { Log } from '../../common/log.ts';
import { HOUR_MS } from '../../common/time.ts';
import type { Queryable } from '../../connectors/postgres/pool.ts';
import { createHeld } from './held.ts';
import type { Held } from './held.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';

/** What many do something with now, the most popular first. */
export interface Trending {
  readonly movieIds: readonly number[];
  /** Decayed sums of what users did, in the order of movieIds. */
  readonly scores: readonly number[];
}

export interface TrendingStateOptions {
  readonly queryable: Queryable;
  readonly folder: string | null;
  readonly pollMs: number;
  readonly log: Log;
}

/** An hour's events of the hot window; older ones are in the archive. */
const WINDOW_HOURS = 48;
/** What a user did counts half after so long. */
const HALF_LIFE_HOURS = 12;
const LENGTH = 1_000;

/**
 * A user counts for a movie once an hour, by the strongest thing that they did, so that nobody makes a
 * movie popular alone. Weights are of the order of user_history.weight_milli.
 */
const HOUR = `
  SELECT movie_id AS "movieId", sum(weight)::float8 AS weight
    FROM (SELECT movie_id, user_id, max(CASE
                   WHEN action = 'rate' THEN greatest(0, 2 * (value - 2))
                   WHEN action = 'like' THEN 3
                   WHEN action IN ('complete', 'list_add', 'share') THEN 1
                   WHEN action = 'play' THEN 0.5
                   WHEN action IN ('click', 'view') THEN 0.2
                   ELSE 0 END) AS weight
            FROM rt_user_interactions
           WHERE event_id >= lowest_uuid_at(to_timestamp($1 / 1000.0))
             AND event_id < lowest_uuid_at(to_timestamp($2 / 1000.0))
             AND movie_id IS NOT NULL AND action NOT IN ('impression', 'search', 'dislike')
           GROUP BY movie_id, user_id) AS once
   GROUP BY movie_id HAVING sum(weight) > 0`;

type Hour = ReadonlyMap<number, number>;

/** Reads the current hour and the one before again each time; earlier ones are read once. */
export function createTrendingState(options: TrendingStateOptions): Held<Trending> {
  const path = options.folder === null ? null : join(options.folder, 'trending.json');
  const hours = new Map<number, Hour>();

  async function readHour(hour: number): Promise<Hour> {
    const rows = await options.queryable.query<{ movieId: number; weight: number }>(HOUR, [
      hour * HOUR_MS,
      (hour + 1) * HOUR_MS,
    ]);
    return new Map(rows.map(({ movieId, weight }) => [movieId, weight]));
  }

  return createHeld<Trending>({
    what: 'trending',
    pollMs: options.pollMs,
    log: { ...options.log, info: () => undefined },
    // It changes all the time.
    token: () => Promise.resolve(`${Date.now()}`),
    async load() {
      const now = Math.floor(Date.now() / HOUR_MS);
      for (const hour of hours.keys()) if (hour <= now - WINDOW_HOURS) hours.delete(hour);
      for (let hour = now - WINDOW_HOURS + 1; hour <= now; hour++)
        if (!hours.has(hour) || hour >= now - 1) hours.set(hour, await readHour(hour));
      return trendingOf(hours, now);
    },
    ...(path === null
      ? {}
      : {
          restore: async () => (await readJsonFile(path)) as Trending | null,
          keep: (trending) => writeJsonFile(path, trending),
        }),
  });
}

/** Of hours by their number since 1970; ties by movie. */
export function trendingOf(hours: ReadonlyMap<number, Hour>, now: number): Trending {
  const sums = new Map<number, number>();
  for (const [hour, weights] of hours) {
    const share = 0.5 ** ((now - hour) / HALF_LIFE_HOURS);
    for (const [movieId, weight] of weights)
      sums.set(movieId, (sums.get(movieId) ?? 0) + share * weight);
  }
  const sorted = [...sums].sort(([a, x], [b, y]) => y - x || a - b).slice(0, LENGTH);
  return { movieIds: sorted.map(([id]) => id), scores: sorted.map(([, score]) => score) };
}
