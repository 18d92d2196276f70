import type { Session } from '../../connectors/postgres/session.ts';
import { openSession } from '../../connectors/postgres/session.ts';

/** One session for a command's work. */
export async function withSession<T>(
  url: string,
  command: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession({ url, applicationName: `marquee-${command}` });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
