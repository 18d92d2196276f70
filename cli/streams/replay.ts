import { processorNamed } from '../../operations/processor-named.ts';
import { isEqual } from '../../streams/replay/compare-tables.ts';
import type { TableComparison } from '../../streams/replay/compare-tables.ts';
import type { ReplayFrom, ReplayProgress } from '../../streams/replay/replay-options.ts';
import { replay } from '../../streams/replay/replay.ts';
import type { ReplayReport } from '../../streams/replay/replay.ts';
import { loadConfig } from '../config/config.ts';
import { createQuietLog } from '../config/log.ts';
import { formatCount } from '../terminal/format.ts';
import { withInterrupt } from '../terminal/interrupt.ts';
import { left, print, printJson, right, table } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';
import { throttled } from '../terminal/throttled.ts';
import { streamOptions } from './stream-options.ts';

export interface ReplayFlags {
  readonly from: ReplayFrom;
  readonly compare?: boolean;
  readonly keep?: boolean;
  readonly json?: boolean;
}

/** The command `marquee replay`. Returns the exit code: 1 when a comparison finds differences. */
export async function replayTables(name: string, flags: ReplayFlags): Promise<number> {
  const report = await replayShown(name, flags);
  if (flags.json === true)
    printJson({ ...report, positions: Object.fromEntries(report.positions) });
  else describe(report);
  return flags.compare === true && !report.comparisons.every(isEqual) ? 1 : 0;
}

/** Replays with a line of progress. */
async function replayShown(name: string, flags: ReplayFlags): Promise<ReplayReport> {
  const processor = processorNamed(name);
  const config = loadConfig();
  const progress = createProgress(process.stderr);
  const step = progress.step(`replay ${name}`);
  const update = throttled(step);
  try {
    const report = await withInterrupt((signal) =>
      replay({
        processor,
        ...streamOptions(config),
        log: createQuietLog(config.log.level),
        from: flags.from,
        mode: flags.compare === true ? 'compare' : 'swap',
        keep: flags.keep === true,
        signal,
        onProgress: (at) => {
          update(describeProgress(at));
        },
      }),
    );
    step.done(summary(report));
    return report;
  } catch (error) {
    step.fail('nothing was changed');
    throw error;
  } finally {
    progress.close();
  }
}

function describeProgress({ phase, done, due }: ReplayProgress): string {
  if (phase !== 'replaying') return phase;
  return `${phase} ${formatCount(done)} of ${formatCount(due)} offsets`;
}

function summary(report: ReplayReport): string {
  const records = report.starts.reduce(
    (sum, { partition, from }) => sum + (report.positions.get(partition) ?? from) - from,
    0,
  );
  const what = report.swapped ? 'tables replaced' : 'compared';
  return `${what}; ${formatCount(records)} offsets in ${report.seconds.toFixed(1)} s`;
}

function describe(report: ReplayReport): void {
  if (report.copiedRows > 0)
    print(`${report.copiedRows} earlier rows were copied from the live tables`);
  if (report.carriedOver > 0) print(`${report.carriedOver} rows kept what no log can give again`);
  const columns = [
    left('table'),
    right('live'),
    right('replay'),
    right('only live'),
    right('only replay'),
  ];
  const rows = report.comparisons.map((c: TableComparison) => [
    c.table,
    ...[c.leftRows, c.rightRows, c.onlyLeft, c.onlyRight].map(String),
  ]);
  print(table(columns, rows));
  for (const comparison of report.comparisons.filter((c) => !isEqual(c)))
    for (const { side, row } of comparison.samples)
      print(
        `${comparison.table}, only ${side === 'left' ? 'live' : 'replay'}: ${JSON.stringify(row)}`,
      );
}
