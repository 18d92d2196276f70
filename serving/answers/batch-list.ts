import type { Queryable } from '../../connectors/postgres/pool.ts';
import type { ListCandidate } from '../lists/arrange.ts';

export interface BatchList {
  readonly modelVersion: string;
  readonly items: readonly ListCandidate[];
}

const LIST = `
  SELECT r.model_version AS "modelVersion", r.movie_id AS "movieId", r.score
    FROM active_model AS a JOIN batch_recommendations AS r USING (model_version)
   WHERE r.user_id = $1 ORDER BY r.rank`;

/** What the nightly run made for the user; null where it made none. */
export async function batchList(queryable: Queryable, userId: string): Promise<BatchList | null> {
  const rows = await queryable.query<{ modelVersion: string; movieId: number; score: number }>(
    LIST,
    [userId],
  );
  const [first] = rows;
  if (first === undefined) return null;
  return {
    modelVersion: first.modelVersion,
    items: rows.map(({ movieId, score }) => ({ movieId, score, origin: 'ranked' })),
  };
}
