import type { Queryable } from '../../connectors/postgres/pool.ts';
import { SHOWN_WINDOW_MS, shownTimes } from '../ranking/shown.ts';
import type { ShownServe } from '../ranking/shown.ts';
import type { Shown } from '../ranking/steps.ts';

/** Of one user; whoever is served more in two days is known by the latest. */
const SERVES_MAX = 40;

/** Day partitions from the first that the window reaches; answers come after what they answer. */
const SERVES = `
  WITH served AS MATERIALIZED (
    SELECT asked.user_id, l.request_id, l.served_at, l.movie_ids
      FROM unnest($1::text[]) AS asked (user_id)
     CROSS JOIN LATERAL (
       SELECT request_id, served_at, movie_ids FROM recommendation_logs
        WHERE user_id = asked.user_id
          AND request_id >= lowest_uuid_at(to_timestamp($2 / 1000.0))
        ORDER BY request_id DESC LIMIT ${SERVES_MAX}) AS l
  ), answers AS (
    SELECT f.request_id,
           coalesce(array_agg(DISTINCT f.movie_id) FILTER (WHERE f.action = 'impression'), '{}')
             AS reported,
           coalesce(array_agg(DISTINCT f.movie_id) FILTER (WHERE f.action <> 'impression'), '{}')
             AS answered
      FROM recommendation_feedback AS f
     WHERE f.request_id IN (SELECT request_id FROM served)
       AND f.event_id >= lowest_uuid_at(to_timestamp($2 / 1000.0)) AND f.movie_id IS NOT NULL
     GROUP BY f.request_id
  )
  SELECT s.user_id AS "userId", (extract(epoch FROM s.served_at) * 1000)::bigint AS "servedAt",
         s.movie_ids::text[] AS "movieIds", coalesce(a.reported, '{}')::text[] AS reported,
         coalesce(a.answered, '{}')::text[] AS answered
    FROM served AS s LEFT JOIN answers AS a USING (request_id)`;

interface Row extends Record<string, unknown> {
  userId: string;
  servedAt: number;
  movieIds: string[];
  reported: string[];
  answered: string[];
}

/** What users were shown lately without a response. Who was shown nothing is not in it. */
export async function readShown(
  queryable: Queryable,
  userIds: readonly string[],
  now: number,
): Promise<ReadonlyMap<string, Shown>> {
  const rows = await queryable.query<Row>(SERVES, [userIds, now - SHOWN_WINDOW_MS]);
  const byUser = new Map<string, ShownServe[]>();
  for (const { userId, servedAt, movieIds, reported, answered } of rows) {
    const serve = {
      servedAt,
      movieIds: movieIds.map(Number),
      reported: reported.map(Number),
      answered: answered.map(Number),
    };
    const known = byUser.get(userId);
    if (known === undefined) byUser.set(userId, [serve]);
    else known.push(serve);
  }
  return new Map([...byUser].map(([userId, serves]) => [userId, shownTimes(serves, now)]));
}
