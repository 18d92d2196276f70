import type { Session } from '../../connectors/postgres/session.ts';

/**
 * Compaction has taken what was known of withdrawn movies out of the log, and in time the
 * tombstones too; the table keeps both, so that history keeps its titles.
 */
export async function carryWithdrawn(
  session: Session,
  live: string,
  replayed: string,
): Promise<number> {
  return session.execute(
    `INSERT INTO ${replayed}.movies SELECT * FROM ${live}.movies WHERE withdrawn_at IS NOT NULL
     ON CONFLICT (movie_id) DO NOTHING`,
  );
}
