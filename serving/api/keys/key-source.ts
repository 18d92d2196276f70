import { openSession } from '../../../connectors/postgres/session.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import type { KeySource } from './key-ring.ts';
import { readKeys } from './key-table.ts';

/** A look that takes longer is given up: the next one comes soon. */
const TIMEOUT_MS = 2_000;

/** Keys from Postgres, over one session that is opened again when it is lost. */
export function createKeySource(url: string): KeySource {
  let session: Session | null = null;
  let isClosed = false;

  async function usable(): Promise<Session> {
    if (session?.usable() === true) return session;
    await session?.close();
    session = null;
    const opened = await openSession({
      url,
      applicationName: 'marquee-api-keys',
      statementTimeoutMs: TIMEOUT_MS,
      connectTimeoutMs: TIMEOUT_MS,
    });
    if (isClosed) await opened.close();
    else session = opened;
    return opened;
  }

  return {
    async read(sinceMs) {
      return readKeys(await usable(), sinceMs);
    },
    async close() {
      isClosed = true;
      await session?.close();
    },
  };
}
