import { openSession } from '../../connectors/postgres/session.ts';
import type { Session } from '../../connectors/postgres/session.ts';

/**
 * Works in one snapshot of Postgres in which no hour can leave the hot table: a reader's lock on it
 * comes before the snapshot, and a drop waits for that or gives way.
 */
export async function inSnapshot<T>(
  url: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession({ url, applicationName: 'marquee-sql' });
  try {
    return await session.transaction(async () => {
      await session.execute('LOCK TABLE rt_user_interactions IN ACCESS SHARE MODE');
      await session.execute('SET LOCAL statement_timeout = 0');
      return work(session);
    }, 'REPEATABLE READ READ ONLY');
  } finally {
    await session.close();
  }
}
