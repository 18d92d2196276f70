import { join } from 'node:path';
import type { Progress } from '../../../cli/terminal/progress.ts';
import type { Codec } from '../hot-path/load.ts';
import { copyTo } from '../peers/duckdb.ts';
import type { FileContents } from '../peers/duckdb.ts';
import { runSink } from './iceberg.ts';
import { settingsOf } from '../runner/settings.ts';
import type { BenchStack } from '../runner/stack.ts';
import { growTo, loadArchive } from './load.ts';
import type { ArchiveLoad } from './load.ts';
import { archivedObjects, runMarquee } from './marquee.ts';
import type { ArchiveReport, LimitResult } from './report.ts';
import { fetchObjects, perSecond } from './run.ts';
import type { ArchiveContext, ArchiveResult } from './run.ts';
import { HOUR_MS } from '../../../common/time.ts';

export interface ArchiveOptions {
  readonly events: number;
  readonly runs: number;
  /** Sizes that the topic is grown to, for Marquee alone; each above the one before. */
  readonly growth: readonly number[];
  readonly growthRuns: number;
  readonly seed: number;
  readonly users: number;
  readonly movies: number;
  readonly codec: Codec;
  readonly settings: Readonly<Record<string, string>>;
  readonly stallSeconds: number;
  readonly sink: boolean;
  readonly duckdb: boolean;
}

export interface ArchiveBench {
  readonly stack: BenchStack;
  readonly workDir: string;
  readonly startedAt: Date;
  readonly progress: Progress;
  readonly python: string;
  readonly java: string;
  /** Folder of the sink's jars. */
  readonly jars: string;
}

const THREADS = [1, 2];

/** Loads the events, runs everything, and returns the figures. Failures are findings of it. */
export async function measureArchive(
  options: ArchiveOptions,
  bench: ArchiveBench,
): Promise<ArchiveReport> {
  const { stack, workDir, progress, python } = bench;
  const plan = {
    seed: options.seed,
    actions: options.events,
    users: options.users,
    movies: options.movies,
    endMs: Date.now(),
    spanMs: HOUR_MS,
  };
  const loaded = await loadArchive(stack, plan, options.codec, progress.step('events'));
  const stallMs = options.stallSeconds * 1000;
  const contextOf = (load: ArchiveLoad): ArchiveContext => {
    return { stack, load, workDir, python, stallMs, settings: options.settings };
  };
  const context = contextOf(loaded);
  const findings: string[] = [];
  /** One failure is a finding; the others go on. */
  const attempt = async <T>(
    name: string,
    body: () => Promise<T>,
    show: (result: T) => string,
  ): Promise<T[]> => {
    const step = progress.step(name);
    step.update('measuring');
    try {
      const result = await body();
      step.done(show(result));
      return [result];
    } catch (cause) {
      const { message } = cause as Error;
      step.fail(message);
      findings.push(`${name} failed: ${message.split('\n').slice(0, 3).join(' ')}`);
      return [];
    }
  };
  const archive = (of: ArchiveContext, round: number) => () => runMarquee(of, round);
  const sink = (round: number) => () => runSink(bench.jars, bench.java, context, round);

  const runs: ArchiveResult[] = await attempt('archive, warm-up', archive(context, 0), describe);
  const folder = join(workDir, 'rows');
  const files =
    options.duckdb && runs.length > 0
      ? await fetchObjects(stack, folder, await archivedObjects(stack))
      : [];
  if (options.sink) runs.push(...(await attempt('Iceberg sink, warm-up', sink(0), describe)));
  const limits: LimitResult[] = [];
  for (let round = 1; round <= options.runs; round++) {
    const of = `${String(round)}/${String(options.runs)}`;
    for (const threads of files.length === 0 ? [] : THREADS) {
      const body = async (): Promise<LimitResult> => {
        return { round, threads, ...(await copyTo(python, workDir, files, threads)) };
      };
      limits.push(
        ...(await attempt(`DuckDB, ${String(threads)} thread(s) ${of}`, body, describeLimit)),
      );
    }
    runs.push(...(await attempt(`archive ${of}`, archive(context, round), describe)));
    if (options.sink) runs.push(...(await attempt(`Iceberg sink ${of}`, sink(round), describe)));
  }
  const growth: ArchiveResult[] = [];
  let load = loaded;
  for (const size of options.growth.filter((wanted) => wanted > options.events)) {
    load = await growTo(stack, load, size, progress.step(`events to ${whole(size)}`));
    for (let round = 1; round <= options.growthRuns; round++) {
      const name = `archive of ${whole(size)} ${String(round)}/${String(options.growthRuns)}`;
      growth.push(...(await attempt(name, archive(contextOf(load), round), describe)));
    }
  }
  findings.push(...differences(loaded.actions, runs, limits), ...differences(0, growth, []));
  return {
    command: `./marquee bench archive ${process.argv.slice(2).join(' ')}`.trimEnd(),
    startedAt: bench.startedAt,
    load: loaded,
    runs,
    limits,
    growth,
    findings,
    settings: await settingsOf(stack),
  };
}

/** Every run must have every row once, with the contents of all the others. */
function differences(
  actions: number,
  runs: readonly ArchiveResult[],
  limits: readonly LimitResult[],
): string[] {
  const found: string[] = [];
  const references = new Map<number, FileContents>();
  const hold = (name: string, rows: number, contents: FileContents): void => {
    const reference = references.get(rows) ?? contents;
    references.set(rows, reference);
    if (contents.rows === rows && contents.ids === rows && contents.sum === reference.sum) return;
    found.push(
      `${name}: ${String(contents.rows)} rows, ${String(contents.ids)} ids, content sum ` +
        `${contents.sum}; expected ${String(rows)}, sum ${reference.sum}`,
    );
  };
  for (const { system, round, rows, contents } of runs)
    hold(`${system}, run ${String(round)}`, rows, contents);
  for (const limit of limits) hold(`DuckDB, run ${String(limit.round)}`, actions, limit);
  return found;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function describe(result: ArchiveResult): string {
  const { cpu } = result;
  return (
    `${whole(perSecond(result))} rows/s, ${(result.fileBytes / result.rows).toFixed(1)} B/row in ` +
    `${String(result.files)} files; CPU s/M: client ${cpu.client.toFixed(1)}, store ` +
    `${cpu.store.toFixed(1)}, broker ${cpu.broker.toFixed(1)}, postgres ${cpu.postgres.toFixed(1)}; ` +
    `${whole(result.peakRss / 1e6)} MB; ${cpu.otherCores.toFixed(1)} cores busy with other things`
  );
}

function describeLimit({ rows, runs, bytes }: LimitResult): string {
  const { seconds = NaN, cpu = NaN } = runs.at(-1) ?? {};
  return `${whole(rows / seconds)} rows/s, ${(bytes / rows).toFixed(1)} B/row; CPU s/M ${((cpu * 1e6) / rows).toFixed(1)}`;
}
