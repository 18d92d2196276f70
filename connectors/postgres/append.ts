import { isUniqueViolation } from './errors.ts';
import type { SentHook, Session } from './session.ts';

export interface AppendTarget {
  readonly table: string;
  /** In the order of the COPY rows; kafka_partition and kafka_offset must be among them. */
  readonly columns: readonly string[];
  readonly key: string;
}

export interface Place {
  readonly partition: number;
  readonly offset: number;
}

export interface Appender {
  /**
   * Adds the rows whose key is new, in the caller's transaction; the first of equal keys counts.
   * Returns the indexes of the rows that were left out.
   */
  append(
    session: Session,
    body: Buffer,
    places: readonly Place[],
    sent?: SentHook,
  ): Promise<readonly number[]>;
}

/**
 * COPY straight into the table is more than twice as fast as any way that tolerates an existing
 * key, so it is tried first, behind a savepoint. While resends keep coming it is not even tried:
 * the rows go through a temporary table and ON CONFLICT DO NOTHING.
 */
export function createAppender({ table, columns, key }: AppendTarget): Appender {
  const list = columns.join(', ');
  const staging = `staged_${table}`;
  let expectResends = false;

  async function slowly(
    session: Session,
    body: Buffer,
    places: readonly Place[],
    sent: SentHook | undefined,
  ): Promise<readonly number[]> {
    await session.execute(
      `CREATE TEMPORARY TABLE IF NOT EXISTS ${staging} ON COMMIT DELETE ROWS
       AS SELECT ${list} FROM ${table} WITH NO DATA`,
    );
    await session.copy(`${staging} (${list})`, body, sent);
    // Of two alike the earlier record counts, however batches are cut. The order must be asked for:
    // a heap gives rows back in another order than it was given them.
    const left = await session.query<{ kafka_partition: number; kafka_offset: number }>(
      `WITH added AS (
         INSERT INTO ${table} (${list})
         SELECT DISTINCT ON (${key}) ${list} FROM ${staging}
         ORDER BY ${key}, kafka_partition, kafka_offset
         ON CONFLICT (${key}) DO NOTHING RETURNING kafka_partition, kafka_offset)
       SELECT kafka_partition, kafka_offset FROM ${staging}
       EXCEPT SELECT kafka_partition, kafka_offset FROM added`,
    );
    expectResends = left.length > 0;
    if (left.length === 0) return [];
    const index = new Map(places.map((p, i) => [`${p.partition}/${p.offset}`, i]));
    return left.map((r) => index.get(`${r.kafka_partition}/${r.kafka_offset}`) as number);
  }

  return {
    async append(session, body, places, sent) {
      if (places.length === 0) return [];
      if (expectResends) return slowly(session, body, places, sent);
      await session.execute('SAVEPOINT append');
      try {
        await session.copy(`${table} (${list})`, body, sent);
        return [];
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        await session.execute('ROLLBACK TO SAVEPOINT append');
        return await slowly(session, body, places, sent);
      }
    },
  };
}
