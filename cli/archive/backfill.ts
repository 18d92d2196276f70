import { backfill } from '../../archive/backfill/backfill.ts';
import type { BackfillReport } from '../../archive/backfill/backfill.ts';
import { listBackfills } from '../../archive/backfill/backfill-log.ts';
import type { BackfillState } from '../../archive/backfill/backfill-log.ts';
import type { History } from '../../archive/backfill/history.ts';
import { historyTopic } from '../../archive/backfill/history.ts';
import { loadConfig } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { openHistories } from '../import/history-files.ts';
import type { MovieLens } from '../import/movielens/movielens-set.ts';
import { catalogueOf } from '../import/movielens/movielens-source.ts';
import { throttled } from '../terminal/throttled.ts';
import type { Rejects } from '../import/rejects.ts';
import { describeRejects, rejectSummary } from '../import/report.ts';
import { STOP_SIGNALS, openRejects } from '../import/run-import.ts';
import { withInterrupt } from '../terminal/interrupt.ts';
import { isDelivered, sendImport, undelivered } from '../import/send.ts';
import { withSession } from '../config/session.ts';
import { left, print, printJson, right, table } from '../terminal/output.ts';
import { formatBytes, formatCount } from '../terminal/format.ts';
import { createProgress } from '../terminal/progress.ts';
import type { Progress } from '../terminal/progress.ts';
import { archiveContext, storeOf } from './context.ts';

export interface BackfillFlags {
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** The command `marquee backfill <path>`. Returns the exit code. */
export async function runBackfill(path: string, flags: BackfillFlags): Promise<number> {
  const config = loadConfig();
  const rejects = openRejects(config);
  const progress = createProgress(process.stderr);
  try {
    return await withInterrupt(async (signal) => {
      const publish = (set: MovieLens) => publishCatalogue(config, set, progress, signal);
      const histories = await openHistories(path, {
        rejects,
        publish: flags.dryRun ? () => Promise.resolve() : publish,
      });
      const reports = flags.dryRun
        ? await readOnly(histories)
        : await bringIn(config, histories, progress, signal);
      progress.close();
      sayRejects(rejects);
      if (flags.json) printJson(reports);
      else print(reports.flatMap(describe).concat(rejectLine(rejects)).join('\n'));
      return reports.some(({ rows }) => rows > 0) ? 0 : 1;
    }, STOP_SIGNALS);
  } catch (error) {
    progress.close();
    sayRejects(rejects);
    throw error;
  }
}

function sayRejects(rejects: Rejects): void {
  rejects.close();
  for (const line of describeRejects(rejects)) process.stderr.write(`${line}\n`);
}

async function bringIn(
  config: Config,
  histories: readonly History[],
  progress: Progress,
  signal: AbortSignal,
): Promise<BackfillReport[]> {
  const store = storeOf(config);
  const reports: BackfillReport[] = [];
  try {
    for (const history of histories) {
      const step = progress.step(history.name);
      const update = throttled(step);
      try {
        const report = await backfill(
          {
            ...archiveContext(config, store),
            signal,
            onFile({ files, rows }) {
              update(`${formatCount(files)} files verified, ${formatCount(rows)} events`);
            },
          },
          history,
        );
        step.done(
          report.wasThere ? 'is in the archive already' : `${formatCount(report.rows)} events`,
        );
        reports.push(report);
      } catch (error) {
        step.fail('not finished');
        throw error;
      }
    }
    return reports;
  } finally {
    store.close();
  }
}

async function publishCatalogue(
  { kafka, registry }: Config,
  set: MovieLens,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const report = await sendImport(catalogueOf(set), {
    ...{ brokers: kafka.brokers, registryUrl: registry.url, progress, signal },
  });
  if (!isDelivered(report)) throw undelivered(report);
}

/** The findings of a dry run: a report of which nothing is in the archive. */
interface DryRun extends Pick<BackfillReport, 'topic' | 'source' | 'rows' | 'leftOut'> {
  readonly firstDate: string | null;
  readonly lastDate: string | null;
}

async function readOnly(histories: readonly History[]): Promise<DryRun[]> {
  const found: DryRun[] = [];
  for (const history of histories) {
    await history.begin(Date.now());
    let [rows, leftOut, first, last] = [0, 0, Infinity, -Infinity];
    for await (const items of history.items(0))
      for (const { event } of items) {
        if (event === null) leftOut++;
        else {
          rows++;
          first = Math.min(first, event.occurred_at);
          last = Math.max(last, event.occurred_at);
        }
      }
    const dates = rows === 0 ? [null, null] : [first, last].map(dateOf);
    const [firstDate = null, lastDate = null] = dates;
    const { name: source, sha256 } = history;
    found.push({ topic: historyTopic(sha256), source, rows, leftOut, firstDate, lastDate });
  }
  return found;
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function rejectLine(rejects: Rejects): string[] {
  return rejects.count() === 0 ? [] : [`left out: ${rejectSummary(rejects)}`];
}

function describe(report: BackfillReport | DryRun): string[] {
  const lines = [`${report.source}  ${report.topic}`];
  const line = (name: string, text: string): void => {
    lines.push(`  ${name.padEnd(10)} ${text}`);
  };
  const dates = `${report.firstDate ?? '-'} to ${report.lastDate ?? '-'}`;
  line('events', `${formatCount(report.rows)}, ${dates}`);
  if (report.leftOut > 0) line('left out', `${formatCount(report.leftOut)} lines`);
  if (!('seconds' in report)) return [...lines, '  Nothing was written (dry run).'];
  line('objects', `${formatCount(report.files)}, ${formatBytes(report.bytes)}, each read back`);
  const how = report.isResumed ? ', finishing an earlier one' : '';
  if (report.wasThere) lines.push(`  It is there since ${finished(report)}: nothing was done.`);
  else line('took', `${report.seconds.toFixed(1)} s${how}`);
  return lines;
}

function finished({ finishedAt }: BackfillState): string {
  return finishedAt === null ? 'never' : `${new Date(finishedAt).toISOString().slice(0, 16)}Z`;
}

/** The command `marquee backfill ls`. */
export async function listHistory(json: boolean): Promise<void> {
  const states = await withSession(loadConfig().postgres.readerUrl, 'backfill-ls', (session) =>
    listBackfills(session),
  );
  if (json) {
    printJson(states);
    return;
  }
  if (states.length === 0) {
    print('No history was brought in. `marquee backfill` does it.');
    return;
  }
  print(
    table(
      [
        ...['topic', 'source'].map(left),
        ...['events', 'left out'].map(right),
        ...['dates', 'finished'].map(left),
      ],
      states.map((s) => [
        s.topic,
        s.source,
        formatCount(s.rows),
        formatCount(s.leftOut),
        s.firstDate === null ? '-' : `${s.firstDate} to ${s.lastDate ?? ''}`,
        s.finishedAt === null ? 'no: run it again' : finished(s),
      ]),
    ),
  );
}
