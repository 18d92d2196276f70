import type { Session } from '../connectors/postgres/session.ts';
import { MarqueeError } from '../common/error.ts';

/**
 * Takes the lock that lets one run, merge or backfill change the archive at a time; it goes with
 * the session. Throws MarqueeError MARQUEE_ARCHIVE_BUSY. Correctness rests on the offsets'
 * compare-and-set, not on it.
 */
export async function lockArchive(session: Session): Promise<void> {
  const [row] = await session.query<{ mine: boolean }>(
    `SELECT pg_try_advisory_lock(hashtextextended('marquee.archive', 0)) AS mine`,
  );
  if (row?.mine !== true)
    throw new MarqueeError(
      'MARQUEE_ARCHIVE_BUSY',
      'another run of the archive is under way: let it end, or end it',
    );
}

/** Does the work under the lock, and gives the lock back. */
export async function withArchiveLock<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await lockArchive(session);
  try {
    return await work();
  } finally {
    if (session.usable())
      await session.execute(`SELECT pg_advisory_unlock(hashtextextended('marquee.archive', 0))`);
  }
}
