import type { Session } from '../../connectors/postgres/session.ts';

export interface UserVector {
  readonly userId: string;
  /** As pgvector reads it. */
  readonly vector: string;
  readonly modelVersion: string;
}

/**
 * Rows are locked in the order of users, as the processor of profiles does, so that neither waits for the
 * other twice. With $4 a vector that is of the model already stays.
 */
const SET_VECTORS = `
  WITH locked AS MATERIALIZED (
    SELECT user_id, vector_model_version FROM user_profiles WHERE user_id = ANY($1::text[])
     ORDER BY user_id FOR NO KEY UPDATE)
  UPDATE user_profiles AS p
     SET preference_vector = v.vector::vector, vector_model_version = v.model_version
    FROM unnest($1::text[], $2::text[], $3::text[]) AS v (user_id, vector, model_version)
    JOIN locked USING (user_id)
   WHERE p.user_id = v.user_id
     AND (NOT $4::boolean OR locked.vector_model_version IS DISTINCT FROM v.model_version)`;

export async function setVectors(
  session: Session,
  vectors: readonly UserVector[],
  which: 'all' | 'of_other_models' = 'all',
): Promise<void> {
  if (vectors.length === 0) return;
  await session.execute(SET_VECTORS, [
    vectors.map(({ userId }) => userId),
    vectors.map(({ vector }) => vector),
    vectors.map(({ modelVersion }) => modelVersion),
    which === 'of_other_models',
  ]);
}
