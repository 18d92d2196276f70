import type { ArchiveReport } from '../../archive/ingest/run.ts';
import { runArchive } from '../../archive/ingest/run.ts';
import type { ArchiveProgress } from '../../archive/context.ts';
import { loadConfig } from '../config/config.ts';
import { formatBytes, formatCount } from '../terminal/format.ts';
import { formatTime, print, printJson } from '../terminal/output.ts';
import { withInterrupt } from '../terminal/interrupt.ts';
import { createProgress } from '../terminal/progress.ts';
import { archiveContext, storeOf } from './context.ts';

/** The command `marquee archive run`. Returns the exit code. */
export async function archiveRun(flags: {
  readonly until?: number;
  readonly json?: boolean;
}): Promise<number> {
  const config = loadConfig();
  const store = storeOf(config);
  const progress = createProgress(process.stderr);
  const step = progress.step('archive');
  const context = {
    ...archiveContext(config, store),
    onProgress({ doneOffsets, dueOffsets, rows }: ArchiveProgress) {
      const offsets = `${formatCount(doneOffsets)} of ${formatCount(dueOffsets)} offsets`;
      step.update(`${offsets}, ${formatCount(rows)} rows`);
    },
  };
  try {
    const report = await withInterrupt((signal) =>
      runArchive({ ...context, signal }, flags.until ?? null),
    );
    step.done(`${formatCount(report.rows)} rows in ${formatCount(report.files)} files`);
    if (flags.json === true) printJson(report);
    else describe(report).forEach(print);
    return 0;
  } catch (error) {
    step.fail('not finished');
    throw error;
  } finally {
    progress.close();
    store.close();
  }
}

function describe(report: ArchiveReport): string[] {
  const { drop } = report;
  return [
    `run ${report.run}${report.resumed ? ' (finished an earlier plan)' : ''}: received before ${formatTime(report.until)}`,
    `  ${formatCount(report.rows)} rows in ${formatCount(report.files)} files, ${formatBytes(report.bytes)}, ${report.seconds.toFixed(1)} s`,
    drop.dropped.length === 0
      ? '  nothing dropped from the hot table'
      : `  dropped from the hot table: ${drop.dropped.join(', ')}`,
    ...drop.held.map(({ hour, reason }) => `  kept ${hour}: ${reason}`),
  ];
}
