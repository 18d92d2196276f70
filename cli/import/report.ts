import { formatSeconds } from '../terminal/text.ts';
import { formatCount, formatRate } from '../terminal/format.ts';
import type { ImportSource } from './import-source.ts';
import type { Rejects } from './rejects.ts';
import type { SendReport } from './send.ts';
import { isDelivered } from './send.ts';

/** The rows that were left out, for standard error. */
export function describeRejects(rejects: Rejects): string[] {
  const count = rejects.count();
  if (count === 0) return [];
  const shown = rejects.shown();
  const left = count - shown.length;
  return [
    ...shown,
    ...(left > 0 ? [`... and ${formatCount(left)} more, all in ${rejects.file() ?? ''}`] : []),
  ];
}

/** The closing lines: what was sent, when it lies, what was left out, what to do. */
export function describeImport(
  source: ImportSource,
  report: SendReport | null,
  rejects: Rejects | null,
): string[] {
  const lines: string[] = [];
  const line = (name: string, text: string): void => {
    lines.push(`${name.padEnd(10)} ${text}`);
  };
  if (report !== null) {
    const { movies, actions, serves, actionsMs } = report;
    line('movies', `${formatCount(movies.acked)} published to movies.v1`);
    if (source.actions > 0) {
      const rate = `in ${formatSeconds(actionsMs)} (${formatRate(actions.acked, actionsMs)})`;
      line('actions', `${formatCount(actions.acked)} on user-actions.v1 ${rate}`);
    }
    if (serves.sent > 0) line('serves', `${formatCount(serves.acked)} on recommendation-serves.v1`);
    if (source.window !== null) {
      const { fromMs, untilMs } = source.window;
      line('times', `${new Date(fromMs).toISOString()} to ${new Date(untilMs).toISOString()}`);
    }
    if (source.actions > 0) line('import id', `${source.importId} (properties->>'import')`);
    const failed = movies.failed + actions.failed + serves.failed;
    if (failed > 0) {
      const why = movies.error ?? actions.error ?? serves.error;
      line('failed', `${formatCount(failed)} were not acknowledged: ${why?.message ?? ''}`);
    }
  }
  if (rejects !== null) line('left out', rejectSummary(rejects));
  for (const note of source.notes) line('note', note);
  if (report !== null && !isDelivered(report)) {
    const why = report.interrupted ? 'Interrupted' : 'Not everything was delivered';
    lines.push(`${why}: run the same command again. What has arrived is not counted twice.`);
  }
  return lines;
}

/** Counts of each kind, and the file that lists all. */
export function rejectSummary(rejects: Rejects): string {
  const count = rejects.count();
  if (count === 0) return 'no row';
  const kinds = rejects.byKind().map(([kind, n]) => `${formatCount(n)} ${kind}`);
  return `${formatCount(count)} rows (${kinds.join(', ')}): ${rejects.file() ?? ''}`;
}
