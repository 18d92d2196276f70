import { join } from 'node:path';
import type { Log } from '../../common/log.ts';
import { HOUR_MS } from '../../common/time.ts';
import type { Queryable } from '../../connectors/postgres/pool.ts';
import { trendingOf } from '../ranking/trending.ts';
import type { HourOfActions, Trending } from '../ranking/trending.ts';
import { createHeld } from './held.ts';
import type { Held } from './held.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';

export interface TrendingStateOptions {
  readonly queryable: Queryable;
  readonly folder: string | null;
  readonly pollMs: number;
  readonly log: Log;
}

/** An hour's events of the hot window; older ones are in the archive. */
const WINDOW_HOURS = 48;
const SETTINGS = { halfLifeHours: 12, length: 1_000 };

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

/** Reads the current hour and the one before again each time; earlier ones are read once. */
export function createTrendingState(options: TrendingStateOptions): Held<Trending> {
  const path = options.folder === null ? null : join(options.folder, 'trending.json');
  const hours = new Map<number, HourOfActions>();

  async function readHour(hour: number): Promise<HourOfActions> {
    const rows = await options.queryable.query<{ movieId: number; weight: number }>(HOUR, [
      hour * HOUR_MS,
      (hour + 1) * HOUR_MS,
    ]);
    return new Map(rows.map(({ movieId, weight }) => [movieId, weight]));
  }

  return createHeld<Trending>({
    what: 'trending',
    pollMs: options.pollMs,
    log: quietLog(options.log),
    // It changes all the time.
    token: () => Promise.resolve(`${Date.now()}`),
    async load() {
      const now = Math.floor(Date.now() / HOUR_MS);
      for (const hour of hours.keys()) if (hour <= now - WINDOW_HOURS) hours.delete(hour);
      for (let hour = now - WINDOW_HOURS + 1; hour <= now; hour++)
        if (!hours.has(hour) || hour >= now - 1) hours.set(hour, await readHour(hour));
      return trendingOf(hours, now, SETTINGS);
    },
    ...(path === null
      ? {}
      : {
          restore: async () => (await readJsonFile(path)) as Trending | null,
          keep: (trending) => writeJsonFile(path, trending),
        }),
  });
}

/** It is read anew all the time, which is nothing to tell of. A pino's methods need their logger. */
function quietLog(log: Log): Log {
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields) => {
      log.warn(fields);
    },
    error: (fields) => {
      log.error(fields);
    },
  };
}
