import { processorsOf, rebuild } from '../../archive/rebuild/rebuild.ts';
import type { RebuildReport } from '../../archive/rebuild/rebuild.ts';
import { PROCESSORS } from '../../streams/index.ts';
import { MarqueeError } from '../../common/error.ts';
import { isEqual } from '../../streams/replay/compare-tables.ts';
import { loadConfig } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { createQuietLog } from '../config/log.ts';
import { withInterrupt } from '../terminal/interrupt.ts';
import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import type { Processor } from '../../streams/runtime/processor.ts';
import { throttled } from '../terminal/throttled.ts';
import { formatTime, left, print, printJson, right, table } from '../terminal/output.ts';
import { formatCount, formatRate } from '../terminal/format.ts';
import { createProgress } from '../terminal/progress.ts';
import type { Progress } from '../terminal/progress.ts';
import { storeOf } from './context.ts';
import { streamOptions } from '../streams/stream-options.ts';

export interface RebuildFlags {
  readonly asOf?: number;
  readonly compare?: boolean;
  readonly swap?: boolean;
  readonly backfill: boolean;
  readonly json?: boolean;
}

/** The command `marquee rebuild`. Returns the exit code: 1 when a comparison finds differences. */
export async function runRebuild(tables: readonly string[], flags: RebuildFlags): Promise<number> {
  if (flags.compare === true && flags.swap === true)
    throw new MarqueeError('MARQUEE_REBUILD_MODE', '--compare and --swap: give one of them');
  const mode = flags.compare === true ? 'compare' : flags.swap === true ? 'swap' : 'build';
  const processors = processorsOf(tables, Object.values(PROCESSORS));
  const config = loadConfig();
  const store = storeOf(config);
  const progress = createProgress(process.stderr);
  const reports: RebuildReport[] = [];
  try {
    await withInterrupt(async (signal) => {
      for (const processor of processors)
        reports.push(
          await rebuildShown({ config, store, progress, signal, mode, flags }, processor),
        );
    });
  } finally {
    progress.close();
    store.close();
  }
  if (flags.json === true) printJson(reports.map(asJson));
  else for (const report of reports) describe(report, mode, flags.asOf);
  const differs = reports.some((report) => !report.comparisons.every(isEqual));
  return mode === 'compare' && differs ? 1 : 0;
}

interface Job {
  readonly config: Config;
  readonly store: ObjectStore;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly mode: Mode;
  readonly flags: RebuildFlags;
}

/** Rebuilds the tables of one processor, with a line of progress. */
async function rebuildShown(job: Job, processor: Processor): Promise<RebuildReport> {
  const { config, store, signal, mode, flags } = job;
  const step = job.progress.step(`rebuild ${processor.name}`);
  const update = throttled(step);
  const started = performance.now();
  try {
    const report = await rebuild({
      processor,
      store,
      ...streamOptions(config),
      log: createQuietLog(config.log.level),
      mode,
      signal,
      ...(flags.asOf === undefined ? {} : { until: flags.asOf }),
      ...(flags.backfill ? {} : { backfills: 'none' as const }),
      onProgress: ({ phase, done, due }) => {
        const rate = formatRate(done, performance.now() - started);
        update(`${phase} ${formatCount(done)} of ${formatCount(due)}, ${rate}`);
      },
    });
    step.done(summary(report, mode));
    return report;
  } catch (error) {
    step.fail('nothing was changed');
    throw error;
  }
}

const DONE = { build: 'built', compare: 'built and compared', swap: 'tables replaced' };
type Mode = keyof typeof DONE;

function summary({ seconds, archive }: RebuildReport, mode: Mode): string {
  const what = DONE[mode];
  if ((archive?.rows ?? 0) === 0) return `${what} in ${seconds.toFixed(1)} s`;
  const rate = formatRate(archive?.rows ?? 0, (archive?.seconds ?? 0) * 1000);
  return `${what} in ${seconds.toFixed(1)} s; archive ${rate}`;
}

function describe(report: RebuildReport, mode: Mode, asOf: number | undefined): void {
  const { tables, archive } = report;
  print(tables.join(', '));
  if (archive === null) describeLogOnly(report);
  else describeArchive(archive);
  if (report.carriedOver > 0)
    print(
      `  taken over from the living tables, since no log can give it: ${formatCount(report.carriedOver)} rows`,
    );
  describeClaim(report, asOf);
  const differs = !report.comparisons.every(isEqual);
  if (mode === 'compare' || differs) describeComparisons(report);
  if (mode === 'build')
    print('  they are in the schema marquee_replay until the next rebuild or replay');
}

function describeArchive(archive: NonNullable<RebuildReport['archive']>): void {
  const span =
    archive.firstDate === null ? '' : ` of ${archive.firstDate} to ${archive.lastDate ?? ''}`;
  print(
    `  from the archive: ${formatCount(archive.rows)} rows in ${formatCount(archive.files)} files${span}`,
  );
  for (const [source, events] of archive.applied)
    print(`    applied ${formatCount(events)} events of ${source}`);
  if (archive.resends > 0) print(`    left out ${formatCount(archive.resends)} resends`);
  if (archive.tooLate > 0)
    print(`    left out ${formatCount(archive.tooLate)} that came too late to count`);
  if (archive.refused > 0)
    print(`    left out ${formatCount(archive.refused)} that the database refuses`);
  for (const source of archive.leftOut) print(`    not in: ${source}`);
  if (archive.floor !== null)
    print(`    only events from ${formatTime(archive.floor)} on, as the living table holds`);
}

function describeLogOnly({ copiedRows, starts }: RebuildReport): void {
  print('  from the log alone: its topic is not archived');
  if (copiedRows > 0)
    print(
      `  ${formatCount(copiedRows)} rows that the log no longer gives were copied from the living table`,
    );
  if (starts.some(({ kept }) => kept)) print('  some partitions have nothing left in the log');
}

/** The claim of equality, by offsets. */
function describeClaim(
  { archive, starts, positions }: RebuildReport,
  asOf: number | undefined,
): void {
  const lacks = archive?.expired ?? 0;
  if (lacks > 0) {
    print(`  no equality is claimed: ${formatCount(lacks)} events have expired from the archive`);
    return;
  }
  if (asOf !== undefined) {
    print(`  the state of what was received before ${formatTime(asOf)}`);
    return;
  }
  const firsts = new Map(archive?.stretches.map((s) => [s.partition, s.from]));
  const rows = starts.flatMap(({ partition, from }) => {
    const end = positions.get(partition) ?? from;
    const first = firsts.get(partition) ?? from;
    if (first >= end) return [];
    const cold = first < from ? `[${first}, ${from})` : '-';
    return [[String(partition), cold, end > from ? `[${from}, ${end})` : '-']];
  });
  if (rows.length === 0) {
    print('  of the topic itself the living tables hold nothing yet');
    return;
  }
  print('  equality with the living tables is claimed for these offsets, vectors apart:');
  const text = table([right('partition'), right('archive'), right('log')], rows);
  print(text.replaceAll(/^/gm, '    '));
}

function describeComparisons({ comparisons }: RebuildReport): void {
  const rows = comparisons.map((c) => [
    c.table,
    ...[c.leftRows, c.rightRows, c.leftRows - c.onlyLeft, c.onlyLeft, c.onlyRight].map(formatCount),
  ]);
  const columns = [
    left('table'),
    right('living'),
    right('rebuilt'),
    right('equal'),
    right('only living'),
    right('only rebuilt'),
  ];
  print(table(columns, rows).replaceAll(/^/gm, '  '));
  for (const { table: name, samples } of comparisons)
    for (const { side, row } of samples)
      print(`  ${name}, only ${side === 'left' ? 'living' : 'rebuilt'}: ${JSON.stringify(row)}`);
}

function asJson(report: RebuildReport) {
  const { archive, positions } = report;
  return {
    ...report,
    positions: Object.fromEntries(positions),
    archive: archive === null ? null : { ...archive, applied: Object.fromEntries(archive.applied) },
  };
}
