import { openSession } from '../../connectors/postgres/session.ts';
import { openObjectStore } from '../../connectors/object-store/object-store.ts';
import { audit } from '../../streams/archive/audit.ts';
import { runArchive } from '../../streams/archive/run.ts';
import { archiveContext } from '../archive/context.ts';
import type { Config } from '../config.ts';
import { formatBytes, formatCount } from '../show.ts';
import { createProgress } from '../stack/progress.ts';

export interface ArchiveShown {
  readonly text: string;
  /** False when the audit found something. */
  readonly balanced: boolean;
}

/** Copies all to the archive, audits it, and shows what is there; or says why not yet. */
export async function archiveAll(config: Config, signal: AbortSignal): Promise<ArchiveShown> {
  if (!(await isThere(config)))
    return {
      balanced: true,
      text:
        '\nArchive: the object store is still being built. Once ./marquee status has it:\n' +
        '  ./marquee archive run --until now && ./marquee audit',
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
    step.done(`${formatCount(report.rows)} rows in ${formatCount(report.files)} files`);
    const { findings, accounts, hotRows, objects } = await audit(session, {
      from: null,
      to: null,
      store,
    });
    const dates = await session.query<{ date: string; rows: number; bytes: number }>(
      `SELECT date::text, sum(rows)::bigint AS rows, sum(bytes)::bigint AS bytes
         FROM archive_manifest GROUP BY 1 ORDER BY 1 DESC LIMIT 3`,
    );
    const records = accounts.reduce((sum, account) => sum + account.records, 0);
    return {
      balanced: findings.length === 0,
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

async function isThere({ objectStore }: Config): Promise<boolean> {
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
