/**
 * The benchmark of the batch stage: generated events of several sizes through a whole run, and the
 * package implicit training ALS on the same matrix. Run by `marquee bench batch`.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { describe, requestOf, type BatchReport } from '../../cli/batch/run.ts';
import { runStage } from '../../cli/batch/stage.ts';
import { print } from '../../cli/terminal/output.ts';
import { createProgress, silentProgress } from '../../cli/terminal/progress.ts';
import { onStage, secondsOf } from '../support/batch/stage.ts';
import { writeWorld } from '../eval/synthetic.ts';
import { installing } from './runner/installing.ts';
import { machineTable, markdownTable, whole } from './runner/markdown.ts';
import { positive, sizes } from './runner/options.ts';
import { installImplicit, IMPLICIT_VERSION } from './peers/install.ts';
import { startMemory } from './runner/memory.ts';

interface Options {
  readonly events: readonly number[];
  readonly users: number;
  readonly movies: number;
  readonly seed: number;
  readonly memory: string;
  readonly out: string;
  readonly set: readonly string[];
}

interface Peer {
  readonly seconds: number;
  readonly peak: number;
  readonly nnz: number;
}

interface Measured {
  readonly events: number;
  readonly report: BatchReport;
  /** Bytes of each step: what the run's processes held together at most. */
  readonly peaks: Readonly<Record<string, number>>;
  readonly peer: Peer;
}

const program = new Command('marquee bench batch')
  .description('a whole run of the Spark stage on generated events, on a stack of its own')
  .option('--events <sizes>', 'user actions, comma-separated', sizes, [1_000_000, 10_000_000])
  .option('--users <n>', 'users', positive, 100_000)
  .option('--movies <n>', 'movies', positive, 20_000)
  .option('--seed <n>', 'of the events and of the run', positive, 7)
  .option('--memory <size>', "of Spark's driver", '3g')
  .option('--set <setting...>', 'settings of the batch stage', [])
  .option('--out <folder>', 'where the report goes', join(import.meta.dirname, 'results'));
program.parse();
const options = program.opts<Options>();
const startedAt = new Date();
const progress = createProgress(process.stderr);
const python = await installing(progress)('implicit', installImplicit);
progress.close();
const measured: Measured[] = [];
for (const events of options.events) measured.push(await measure(events));
const file = join(options.out, `${startedAt.toISOString().slice(0, 10)}-batch.md`);
writeFileSync(file, render());
print(`\n${render()}\nwritten to ${file}`);

async function measure(events: number): Promise<Measured> {
  print(`${whole(events)} events: generating and backfilling`);
  return onStage(async (stage) => {
    const folder = mkdtempSync(join(tmpdir(), 'marquee-bench-batch-'));
    try {
      const world = join(folder, 'world.jsonl');
      await writeWorld(world, { ...options, events });
      await stage.marquee(['backfill', world]);
      rmSync(world);
      const request = await requestOf({
        ...options,
        // Publishing is measured whatever the gate thinks of the model.
        set: ['gate.popularity_ratio=0', 'gate.coverage_min=0', ...options.set],
        master: 'local[*]',
        conf: [],
        promote: true,
      });
      const memory = startMemory('marquee_batch');
      const steps = memory.watch(silentProgress);
      const report = await runStage<BatchReport>(
        stage.stack.config,
        { ...request, keep: folder },
        steps,
      );
      memory.stop();
      describe(report).forEach(print);
      const peer = await trainPeer(join(folder, 'x.npz'));
      return { events, report, peaks: memory.peaks(), peer };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

/** Factors and iterations are the batch stage's defaults. */
async function trainPeer(matrix: string): Promise<Peer> {
  const job = join(import.meta.dirname, 'peers', 'implicit_job.py');
  const { stdout } = await promisify(execFile)(python, [
    job,
    matrix,
    '64',
    '15',
    String(cpus().length),
  ]);
  return JSON.parse(stdout) as Peer;
}

function render(): string {
  const seconds = (value: number | undefined) => (value === undefined ? '-' : value.toFixed(1));
  const names = [...new Set(measured.flatMap(({ report }) => Object.keys(report.seconds)))];
  const head = ['seconds', ...measured.map(({ events }) => `${whole(events)} events`)];
  const [least, most] = [measured[0], measured.at(-1)];
  const growth = (name: string): string => {
    const [a, b] = [least?.report.seconds[name], most?.report.seconds[name]];
    return a === undefined || b === undefined || least === most ? '-' : `${(b / a).toFixed(1)}x`;
  };
  const totals = measured.map(({ report }) => secondsOf(report));
  return [
    `# Batch stage, ${startedAt.toISOString().slice(0, 10)}\n`,
    `\`./marquee bench batch ${process.argv.slice(2).join(' ')}\`, started ${startedAt.toISOString()}\n`,
    machineTable([['Spark', `local[*], driver ${options.memory}`]]),
    `Generated events (seed ${options.seed}, ${whole(options.users)} users, ${whole(options.movies)} movies, both with a long tail), backfilled into the archive.\n`,
    markdownTable(
      [...head, 'growth'],
      [
        ...names.map((name) => [
          name.includes(': ') ? `… ${name}` : name,
          ...measured.map(({ report }) => seconds(report.seconds[name])),
          growth(name),
        ]),
        [
          'whole run',
          ...totals.map(seconds),
          totals.length > 1 ? `${((totals.at(-1) ?? 0) / (totals[0] ?? 1)).toFixed(1)}x` : '-',
        ],
      ],
    ),
    markdownTable(
      ['peak memory, MB (PSS of all processes)', ...head.slice(1)],
      [...new Set(measured.flatMap(({ peaks }) => Object.keys(peaks)))].map((name) => [
        name,
        ...measured.map(({ peaks }) => whole((peaks[name] ?? 0) / 1e6)),
      ]),
    ),
    markdownTable(
      ['', ...head.slice(1)],
      [
        ['events that say something of a movie', ...measured.map((m) => whole(m.report.events))],
        ['users', ...measured.map((m) => whole(m.report.users))],
        ['movies', ...measured.map((m) => whole(m.report.movies))],
        ['weights above 0', ...measured.map((m) => whole(m.peer.nnz))],
        ['ALS by Spark, s', ...measured.map((m) => seconds(m.report.seconds['train: ALS']))],
        [`ALS by implicit ${IMPLICIT_VERSION}, s`, ...measured.map((m) => seconds(m.peer.seconds))],
        [
          'Spark / implicit',
          ...measured.map((m) =>
            ((m.report.seconds['train: ALS'] ?? 0) / m.peer.seconds).toFixed(1),
          ),
        ],
        [
          'NDCG@10',
          ...measured.map((m) => (m.report.metrics['blend']?.['ndcg_at_10'] ?? 0).toFixed(4)),
        ],
        [
          "popularity's",
          ...measured.map((m) => (m.report.metrics['popularity']?.['ndcg_at_10'] ?? 0).toFixed(4)),
        ],
      ],
    ),
    'ALS: 64 factors, 15 iterations, the same matrix for both.\n',
  ].join('\n');
}
