import { join } from 'node:path';
import { HOUR_MS } from '../../../common/time.ts';
import { copyTo, type FileContents } from '../peers/duckdb.ts';
import { contestant, type Contestant } from '../runner/attempts.ts';
import { whole } from '../runner/markdown.ts';
import type { LoadOptions } from '../runner/options.ts';
import type { Bench, BenchPlace } from '../runner/run.ts';
import { settingsOf } from '../runner/settings.ts';
import { runSink } from './iceberg.ts';
import { growTo, loadArchive, type ArchiveLoad } from './load.ts';
import { archivedObjects, runMarquee } from './marquee.ts';
import type { ArchiveFigures, LimitResult } from './report.ts';
import { fetchObjects, perSecond, type ArchiveContext, type ArchiveResult } from './run.ts';

export interface ArchiveOptions extends LoadOptions {
  readonly runs: number;
  /** Sizes that the topic is grown to, for Marquee alone; each above the one before. */
  readonly growth: readonly number[];
  readonly growthRuns: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly stallSeconds: number;
  readonly sink: boolean;
  readonly duckdb: boolean;
}

/** What the peers need that are installed. */
export interface ArchivePeers {
  /** Interpreter with DuckDB. */
  readonly python: string;
  readonly java: string;
  /** Folder of the sink's jars. */
  readonly jars: string;
}

const THREADS = [1, 2];

/** Loads the events, runs everything, and returns the figures. */
export async function measureArchive(
  options: ArchiveOptions,
  { python, java, jars }: ArchivePeers,
  { stack, workDir }: BenchPlace,
  { attempts, progress }: Bench,
): Promise<ArchiveFigures> {
  const { seed, events: actions, users, movies, codec, settings } = options;
  const plan = { seed, actions, users, movies, endMs: Date.now(), spanMs: HOUR_MS };
  const loaded = await loadArchive(stack, plan, codec, progress.step('events'));
  const stallMs = options.stallSeconds * 1000;
  const contextOf = (load: ArchiveLoad): ArchiveContext => {
    return { stack, load, workDir, python, stallMs, settings };
  };
  const archiveOf = (load: ArchiveLoad, name: string, results: ArchiveResult[]): Contestant =>
    contestant(name, results, (round) => runMarquee(contextOf(load), round), describe);

  const runs: ArchiveResult[] = [];
  const archive = archiveOf(loaded, 'archive', runs);
  const measureSink = (round: number) => runSink(jars, java, contextOf(loaded), round);
  const sinks = options.sink ? [contestant('Iceberg sink', runs, measureSink, describe)] : [];
  const warm = await attempts.attempt('archive, warm-up', () => archive.turn(0));
  const files =
    options.duckdb && warm
      ? await fetchObjects(stack, join(workDir, 'rows'), await archivedObjects(stack))
      : [];
  for (const sink of sinks) await attempts.attempt('Iceberg sink, warm-up', () => sink.turn(0));

  const limits: LimitResult[] = [];
  const copies = (files.length === 0 ? [] : THREADS).map((threads) =>
    contestant(
      `DuckDB, ${threads} thread(s)`,
      limits,
      async (round) => ({ round, threads, ...(await copyTo(python, workDir, files, threads)) }),
      describeLimit,
    ),
  );
  await attempts.alternate(options.runs, [...copies, archive, ...sinks]);

  const growth: ArchiveResult[] = [];
  let load = loaded;
  for (const size of options.growth.filter((wanted) => wanted > actions)) {
    load = await growTo(stack, load, size, progress.step(`events to ${whole(size)}`));
    const grown = archiveOf(load, `archive of ${whole(size)}`, growth);
    await attempts.alternate(options.growthRuns, [grown]);
  }
  attempts.findings.push(
    ...differences(loaded.actions, runs, limits),
    ...differences(0, growth, []),
  );
  return { load: loaded, runs, limits, growth, settings: await settingsOf(stack) };
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
      `${name}: ${contents.rows} rows, ${contents.ids} ids, content sum ` +
        `${contents.sum}; expected ${rows}, sum ${reference.sum}`,
    );
  };
  for (const { system, round, rows, contents } of runs)
    hold(`${system}, run ${round}`, rows, contents);
  for (const limit of limits) hold(`DuckDB, run ${limit.round}`, actions, limit);
  return found;
}

function describe(result: ArchiveResult): string {
  const { cpu } = result;
  return (
    `${whole(perSecond(result))} rows/s, ${(result.fileBytes / result.rows).toFixed(1)} B/row in ` +
    `${result.files} files; CPU s/M: client ${cpu.client.toFixed(1)}, store ` +
    `${cpu.store.toFixed(1)}, broker ${cpu.broker.toFixed(1)}, postgres ${cpu.postgres.toFixed(1)}; ` +
    `${whole(result.peakRss / 1e6)} MB; ${cpu.otherCores.toFixed(1)} cores busy with other things`
  );
}

function describeLimit({ rows, runs, bytes }: LimitResult): string {
  const { seconds = NaN, cpu = NaN } = runs.at(-1) ?? {};
  return `${whole(rows / seconds)} rows/s, ${(bytes / rows).toFixed(1)} B/row; CPU s/M ${((cpu * 1e6) / rows).toFixed(1)}`;
}
