import type { Session } from '../../connectors/postgres/session.ts';

/** Vectors come from a model and not from the stream: users keep the ones they have. */
export async function carryVectors(
  session: Session,
  live: string,
  replayed: string,
): Promise<number> {
  return session.execute(
    `UPDATE ${replayed}.user_profiles r
     SET preference_vector = l.preference_vector, vector_model_version = l.vector_model_version,
         vector_profile_version = l.vector_profile_version
     FROM ${live}.user_profiles l
     WHERE l.user_id = r.user_id AND l.vector_model_version IS NOT NULL`,
  );
}
