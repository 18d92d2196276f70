import { openSession } from '../../connectors/postgres/session.ts';
import { openObjectStore } from '../../connectors/object-store/object-store.ts';
import { audit } from '../../archive/audit/audit.ts';
import { runArchive } from '../../archive/ingest/run.ts';
import { archiveContext } from '../archive/context.ts';
import type { Config } from '../config/config.ts';
import { formatBytes, formatCount } from '../terminal/format.ts';
import { openEvents } from '../sql/open.ts';
import { createProgress } from '../terminal/progress.ts';
import { MarqueeError } from '../../common/error.ts';

export interface ArchiveShown {
  readonly text: string;
  /** False when the audit found something. */
  readonly balanced: boolean;
  /** False when there is no object store yet. */
  readonly done: boolean;
}

/** Copies all to the archive, audits it, and shows what is there; or says why not yet. */
export async function archiveAll(config: Config, signal: AbortSignal): Promise<ArchiveShown> {
  if (!(await isThere(config)))
    return {
      balanced: true,
      done: false,
      text:
        '\nArchive: the object store does not answer. Once ./marquee status has it:\n' +
        '  ./marquee archive run --until now && ./marquee audit && ./marquee batch run',
    };
  const store = openObjectStore(config.objectStore);
  const progress = createProgress(process.stderr);
  const step = progress.step('archive');
  const session = await openSession({
    url: config.postgres.readerUrl,
    applicationName: 'marquee-demo-audit',
  });
  try {
    const context = { ...archiveContext(config, store), signal };
    const report = await runArchive(
      {
        ...context,
        onProgress({ rows }) {
          step.update(`${formatCount(rows)} rows`);
        },
      },
      Date.now(),
    );
    step.update('audit');
    const { findings, accounts, hotRows, objects } = await audit(session, {
      from: null,
      to: null,
      store,
    });
    const dates = await session.query<{ date: string; rows: number; bytes: number }>(
      `SELECT date::text, sum(rows)::bigint AS rows, sum(bytes)::bigint AS bytes
         FROM archive_manifest GROUP BY 1 ORDER BY 1 DESC LIMIT 3`,
    );
    step.update('asking hot and cold together');
    const asked = await askEvents(config);
    step.done(`${formatCount(report.rows)} rows in ${formatCount(report.files)} files`);
    const records = accounts.reduce((sum, account) => sum + account.records, 0);
    return {
      balanced: findings.length === 0,
      done: true,
      text: [
        '',
        'Archive (Parquet, read back and verified)',
        ...dates.map(
          ({ date, rows, bytes }) => `  ${date}  ${formatCount(rows)} rows, ${formatBytes(bytes)}`,
        ),
        findings.length === 0
          ? `Audit: ${formatCount(records)} records are in one account each;\n` +
            `  ${formatCount(hotRows)} hot rows and ${formatCount(objects)} objects hold what was applied.`
          : `Audit: ${formatCount(findings.length)} findings, see ./marquee audit`,
        ...asked,
      ].join('\n'),
    };
  } catch (error) {
    step.fail('not finished');
    throw error;
  } finally {
    await session.close();
    progress.close();
    store.close();
  }
}

const QUESTION = `SELECT action, count(*) AS events, count(DISTINCT user_id) AS users
  FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 3`;

/**
 * One question to hot and cold together; where DuckDB's part can't be had, that is what is shown.
 */
async function askEvents(config: Config): Promise<string[]> {
  try {
    const view = await openEvents(config);
    try {
      const lines = ['Hot and cold as one view, each event once (./marquee sql)'];
      for await (const piece of (await view.stream(QUESTION)).pieces)
        for (const [action, events, users] of piece)
          lines.push(
            `  ${String(action)}: ${formatCount(Number(events))} events of ${formatCount(Number(users))} users`,
          );
      return lines;
    } finally {
      await view.close();
    }
  } catch (error) {
    if (!(error instanceof MarqueeError)) throw error;
    return [`./marquee sql: not now (${error.code})`];
  }
}

/** True when the object store answers. */
export async function isThere({ objectStore }: Config): Promise<boolean> {
  const store = openObjectStore({ ...objectStore, attempts: 1, timeoutMs: 3_000 });
  try {
    await store.list('.marquee-none/')[Symbol.asyncIterator]().next();
    return true;
  } catch {
    return false;
  } finally {
    store.close();
  }
}
