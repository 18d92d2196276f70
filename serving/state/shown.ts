import { SHOWN_WINDOW_MS, shownTimes } from '../ranking/shown.ts';
import type { ShownServe } from '../ranking/shown.ts';
import type { Shown } from '../ranking/steps.ts';

/** Of one user; whoever is served more in two days is known by the latest. */
const SERVES_MAX = 40;

/**
 * An SQL expression: a user's serves since `since` (epoch ms) as JSON, each [when, movies, reported,
 * answered]; null where there is none. Day partitions from the first that the window reaches; answers come
 * after what they answer.
 */
export function servesJson(user: string, since: string): string {
  const lowest = `lowest_uuid_at(to_timestamp(${since} / 1000.0))`;
  return `(
    SELECT json_agg(json_build_array((extract(epoch FROM s.served_at) * 1000)::bigint, s.movie_ids,
                                     coalesce(a.reported, '{}'), coalesce(a.answered, '{}')))
      FROM (SELECT request_id, served_at, movie_ids FROM recommendation_logs
             WHERE user_id = ${user} AND request_id >= ${lowest}
             ORDER BY request_id DESC LIMIT ${SERVES_MAX}) AS s
     CROSS JOIN LATERAL (
       SELECT array_agg(DISTINCT f.movie_id) FILTER (WHERE f.action = 'impression') AS reported,
              array_agg(DISTINCT f.movie_id) FILTER (WHERE f.action <> 'impression') AS answered
         FROM recommendation_feedback AS f
        WHERE f.request_id = s.request_id AND f.event_id >= ${lowest}
          AND f.movie_id IS NOT NULL) AS a)`;
}

/** What servesJson makes, as the driver parses it. */
export type ServesJson = readonly (readonly [
  servedAt: number,
  movieIds: readonly number[],
  reported: readonly number[],
  answered: readonly number[],
])[];

export function shownOf(serves: ServesJson | null, now: number): Shown {
  if (serves === null) return NOTHING;
  return shownTimes(
    serves.map(([servedAt, movieIds, reported, answered]): ShownServe => ({
      ...{ servedAt, movieIds, reported, answered },
    })),
    now,
  );
}

const NOTHING: Shown = new Map();

/** The first moment of which a list that was served still counts. */
export function shownSince(now: number): number {
  return now - SHOWN_WINDOW_MS;
}
