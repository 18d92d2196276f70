import { CopyWriter } from './copy-writer.ts';
import { isUniqueViolation } from './errors.ts';
import type { Session } from './session.ts';

export interface Claimer {
  /**
   * Adds the ids to the table, in the caller's transaction. Returns the indexes of those that were
   * there already, or come a second time in the list: resends.
   */
  claim(session: Session, ids: readonly Uint8Array[]): Promise<readonly number[]>;
}

/** Remembers which events were applied, for tables that keep sums and not events. */
export function createClaimer(table: string): Claimer {
  const out = new CopyWriter();
  const staging = `staged_${table}`;
  let expectResends = false;

  async function slowly(session: Session, ids: readonly Uint8Array[]): Promise<readonly number[]> {
    await session.execute(
      `CREATE TEMPORARY TABLE IF NOT EXISTS ${staging} (event_id uuid, ordinal int)
       ON COMMIT DELETE ROWS`,
    );
    out.reset();
    ids.forEach((id, ordinal) => {
      out.row(2);
      out.raw(id);
      out.int4(ordinal);
    });
    await session.copy(`${staging} (event_id, ordinal)`, out.take());
    const fresh = `SELECT DISTINCT ON (event_id) event_id, ordinal FROM ${staging}
       ORDER BY event_id, ordinal`;
    const left = await session.query<{ ordinal: number }>(
      `WITH added AS (
         INSERT INTO ${table} (event_id) SELECT event_id FROM ${staging} ORDER BY event_id
         ON CONFLICT DO NOTHING RETURNING event_id),
       kept AS (SELECT f.ordinal FROM (${fresh}) f JOIN added USING (event_id))
       SELECT ordinal FROM ${staging} EXCEPT SELECT ordinal FROM kept`,
    );
    expectResends = left.length > 0;
    return left.map((row) => row.ordinal);
  }

  return {
    async claim(session, ids) {
      if (ids.length === 0) return [];
      if (expectResends) return slowly(session, ids);
      out.reset();
      for (const id of ids) {
        out.row(1);
        out.raw(id);
      }
      await session.execute('SAVEPOINT claim');
      try {
        await session.copy(`${table} (event_id)`, out.take());
        return [];
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        await session.execute('ROLLBACK TO SAVEPOINT claim');
        return await slowly(session, ids);
      }
    },
  };
}
