import { compactArchive } from '../../archive/maintenance/compact.ts';
import type { CompactOptions, CompactReport } from '../../archive/maintenance/compact.ts';
import { expireFiles } from '../../archive/maintenance/expire.ts';
import type { ExpiredFile } from '../../archive/maintenance/expire.ts';
import { removeOrphans } from '../../archive/maintenance/remove-orphans.ts';
import type { RemovedObject } from '../../archive/maintenance/remove-orphans.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { left, print, printJson, right, table } from '../terminal/output.ts';
import { formatBytes, formatCount } from '../terminal/format.ts';
import { createProgress } from '../terminal/progress.ts';
import { archiveContext, storeOf } from './context.ts';
import { HOUR_MS } from '../../common/time.ts';

/** The command `marquee archive compact`. */
export async function archiveCompact(
  options: Omit<CompactOptions, 'filesMin'> & { readonly json?: boolean },
): Promise<void> {
  const config = loadConfig();
  const store = storeOf(config);
  const progress = createProgress(process.stderr);
  const step = progress.step('compact');
  try {
    const context = {
      ...archiveContext(config, store),
      onMerge: (done: number, due: number) => {
        step.update(`${formatCount(done)} of ${formatCount(due)} merges`);
      },
    };
    const report = await compactArchive(context, { ...options, filesMin: 2 });
    const what = options.dryRun === true ? 'would be done' : 'done';
    const merges = options.dryRun === true ? report.planned.length : report.merges;
    step.done(`${formatCount(merges)} merges ${what}`);
    if (options.json === true) printJson(report);
    else print(describeMerges(report, options.dryRun === true));
  } catch (error) {
    step.fail('not finished; a rerun finishes the merge');
    throw error;
  } finally {
    progress.close();
    store.close();
  }
}

function describeMerges(report: CompactReport, dryRun: boolean): string {
  if (dryRun)
    return report.planned.length === 0
      ? 'Nothing to merge.'
      : table(
          [left('date'), left('source'), right('files'), right('size')],
          report.planned.map((p) => [p.date, p.topic, formatCount(p.files), formatBytes(p.bytes)]),
        );
  if (report.merges === 0) return 'Nothing to merge.';
  return (
    `${formatCount(report.filesBefore)} files became ${formatCount(report.merges)}: ` +
    `${formatBytes(report.bytesBefore)} became ${formatBytes(report.bytesAfter)}, ` +
    `${formatCount(report.rows)} rows, ${formatCount(report.duplicatesRemoved)} resends removed`
  );
}

/** The command `marquee archive expire`. */
export async function archiveExpire(flags: {
  readonly keepDays?: number;
  readonly backfill?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}): Promise<void> {
  const config = loadConfig();
  const keepDays = flags.keepDays ?? config.archive.keepDays;
  const dryRun = flags.yes !== true;
  const files = await withSession(config.postgres.writerUrl, 'archive-expire', (session) =>
    expireFiles(session, {
      keepDays,
      dryRun,
      ...(flags.backfill === undefined ? {} : { backfill: flags.backfill }),
    }),
  );
  if (flags.json === true) {
    printJson(files);
    return;
  }
  const what =
    flags.backfill ?? `files that were archived more than ${formatCount(keepDays)} days ago`;
  if (files.length === 0) {
    print(`Nothing to take out: there are no ${what}.`);
    return;
  }
  print(byDate(files));
  print(
    dryRun
      ? `${what}: ${formatCount(files.length)} would leave the archive. Nothing was done; --yes does it.`
      : `${what}: ${formatCount(files.length)} have left the archive. Their objects stay for the grace time ` +
          `(${formatCount(config.archive.graceMs / HOUR_MS)} h); \`marquee archive clean\` removes them then.`,
  );
}

function byDate(files: readonly ExpiredFile[]): string {
  const sum = (of: readonly ExpiredFile[], key: 'rows' | 'bytes') =>
    of.reduce((total, file) => total + file[key], 0);
  return table(
    [left('date'), left('source'), right('files'), right('rows'), right('size')],
    [...Map.groupBy(files, ({ date, topic }) => `${date} ${topic}`).values()].map((of) => [
      of[0]?.date ?? '',
      of[0]?.topic ?? '',
      formatCount(of.length),
      formatCount(sum(of, 'rows')),
      formatBytes(sum(of, 'bytes')),
    ]),
  );
}

/** The command `marquee archive clean`. */
export async function archiveClean(flags: {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}): Promise<void> {
  const config = loadConfig();
  const dryRun = flags.dryRun === true;
  const removed = await removeUnlisted(config, dryRun);
  if (flags.json === true) {
    printJson(removed);
    return;
  }
  if (removed.length === 0) {
    print('Nothing to remove: every object is listed, or younger than the grace time.');
    return;
  }
  print(
    table(
      [left('why'), right('objects'), right('size')],
      [...Map.groupBy(removed, ({ why }) => why)].map(([why, of]) => [
        why,
        formatCount(of.length),
        formatBytes(of.reduce((sum, { bytes }) => sum + bytes, 0)),
      ]),
    ),
  );
  if (dryRun) for (const { path, why } of removed) print(`  ${why}: ${path}`);
  print(dryRun ? 'Nothing was removed (--dry-run).' : 'Removed.');
}

async function removeUnlisted(config: Config, dryRun: boolean): Promise<readonly RemovedObject[]> {
  const store = storeOf(config);
  try {
    return await withSession(config.postgres.writerUrl, 'archive-clean', (session) =>
      removeOrphans(session, store, config.archive, { dryRun }),
    );
  } finally {
    store.close();
  }
}
