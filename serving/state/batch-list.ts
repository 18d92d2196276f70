import type { Queryable } from '../../connectors/postgres/pool.ts';
import type { ListCandidate } from '../lists/arrange.ts';

export interface BatchList {
  readonly modelVersion: string;
  readonly items: readonly ListCandidate[];
}

/** An SQL expression: a user's list of the active model as JSON; null where it has none. */
export function batchJson(user: string): string {
  return `(
    SELECT json_build_array(r.model_version, json_agg(r.movie_id ORDER BY r.rank),
                            json_agg(r.score ORDER BY r.rank))
      FROM active_model AS a JOIN batch_recommendations AS r USING (model_version)
     WHERE r.user_id = ${user} GROUP BY r.model_version)`;
}

/** What batchJson makes, as the driver parses it. */
export type BatchJson = readonly [
  modelVersion: string,
  movieIds: readonly number[],
  scores: readonly number[],
];

const LIST = `SELECT ${batchJson('$1::text')} AS batch`;

/** What the nightly run made for the user; null where it made none. */
export async function readBatchList(
  queryable: Queryable,
  userId: string,
): Promise<BatchList | null> {
  const [row] = await queryable.query<{ batch: BatchJson | null }>(LIST, [userId]);
  return batchListOf(row?.batch ?? null);
}

export function batchListOf(batch: BatchJson | null): BatchList | null {
  if (batch === null) return null;
  const [modelVersion, movieIds, scores] = batch;
  return {
    modelVersion,
    items: movieIds.map((movieId, i) => ({
      ...{ movieId, score: scores[i] ?? 0, origin: 'ranked' as const },
    })),
  };
}
