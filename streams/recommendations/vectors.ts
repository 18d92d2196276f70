import type { Session } from '../../connectors/postgres/session.ts';

export interface UserVector {
  readonly userId: string;
  /** As pgvector reads it. */
  readonly vector: string;
  readonly modelVersion: string;
  readonly profileVersion: number;
}

/**
 * Only vectors of the model that serves, and none that is older than the one that is there. Rows are locked in
 * the order of users, as the processor of profiles does, so that neither waits for the other twice.
 */
const SET_VECTORS = `
  WITH locked AS MATERIALIZED (
    SELECT user_id, vector_model_version AS model, vector_profile_version AS profile
      FROM user_profiles WHERE user_id = ANY($1::text[])
     ORDER BY user_id FOR NO KEY UPDATE)
  UPDATE user_profiles AS p
     SET preference_vector = v.vector::vector, vector_model_version = v.model,
         vector_profile_version = v.profile
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS v (user_id, vector, model, profile)
    JOIN locked USING (user_id)
    JOIN active_model AS a ON a.model_version = v.model
   WHERE p.user_id = v.user_id
     AND (locked.model IS DISTINCT FROM v.model OR coalesce(locked.profile, -1) < v.profile)`;

export async function setVectors(session: Session, vectors: readonly UserVector[]): Promise<void> {
  if (vectors.length === 0) return;
  await session.execute(SET_VECTORS, [
    vectors.map(({ userId }) => userId),
    vectors.map(({ vector }) => vector),
    vectors.map(({ modelVersion }) => modelVersion),
    vectors.map(({ profileVersion }) => profileVersion),
  ]);
}

/** Users behind `$1` in the order of names whose vector is of another model or an older profile. */
const STALE = `
  SELECT user_id AS "userId" FROM user_profiles
   WHERE user_id > $1 AND (vector_model_version IS DISTINCT FROM $2
                           OR vector_profile_version IS DISTINCT FROM profile_version)
   ORDER BY user_id LIMIT $3`;

export async function staleUsers(
  session: Session,
  after: string,
  modelVersion: string,
  limit: number,
): Promise<readonly string[]> {
  const rows = await session.query<{ userId: string }>(STALE, [after, modelVersion, limit]);
  return rows.map(({ userId }) => userId);
}
