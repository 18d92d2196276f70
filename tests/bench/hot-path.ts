/**
 * The benchmark of the hot path: the same events through Marquee and its peers into the same table.
 * Run by `marquee bench hot-path`; docs/benchmarks.md says what is measured and how.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { loadConfig } from '../../cli/config.ts';
import { findJava } from '../../cli/stack/jars.ts';
import { createProgress } from '../../cli/stack/progress.ts';
import type { Progress } from '../../cli/stack/progress.ts';
import { copyLimit } from './copy-limit.ts';
import { loadEvents } from './load.ts';
import type { Codec } from './load.ts';
import { marqueeSystem } from './marquee.ts';
import { debeziumSystem } from './peers/debezium.ts';
import { installDebezium, installPathway } from './peers/install.ts';
import { pathwaySystem } from './peers/pathway.ts';
import { runOnce } from './run.ts';
import type { RunResult } from './run.ts';
import { startBenchStack } from './stack.ts';
import type { System } from './system.ts';

const SYSTEMS = ['copy', 'copy2', 'marquee', 'pathway', 'debezium-insert', 'debezium-upsert'];

interface Options {
  readonly events: number;
  readonly runs: number;
  readonly seed: number;
  readonly users: number;
  readonly movies: number;
  readonly codec: Codec;
  readonly only: readonly string[];
  readonly home?: string;
  readonly stallSeconds: number;
}

function positive(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${text} is no number above 0`);
  return value;
}

const program = new Command('hot-path')
  .description('measure Kafka -> rt_user_interactions against its peers, on a stack of its own')
  .option('--events <n>', 'user actions in the topics', positive, 2_000_000)
  .option('--runs <n>', 'runs of each system, alternating', positive, 5)
  .option('--seed <n>', 'seed of the events', positive, 7)
  .option('--users <n>', 'users', positive, 100_000)
  .option('--movies <n>', 'movies', positive, 20_000)
  .option('--codec <name>', 'compression of all topics: gzip or none', 'gzip')
  .option('--only <names>', `of ${SYSTEMS.join(', ')}`, (text: string) => text.split(','), SYSTEMS)
  .option('--home <folder>', 'keep stack and events there, for another run')
  .option('--stall-seconds <n>', 'give a run up when no row came for so long', positive, 60);

program.parse();
await main(program.opts<Options>());

async function main(options: Options): Promise<void> {
  const progress = createProgress(process.stderr);
  const home = options.home ?? mkdtempSync(join(tmpdir(), 'marquee-bench-'));
  const workDir = join(home, 'work');
  mkdirSync(workDir, { recursive: true });
  try {
    const systems = await installSystems(options.only, progress);
    const stack = await startBenchStack(home, progress);
    try {
      const load = await loadEvents(
        stack,
        join(home, 'load'),
        {
          seed: options.seed,
          actions: options.events,
          users: options.users,
          movies: options.movies,
          endMs: Date.now(),
          spanMs: 3_600_000,
        },
        options.codec,
        progress.step('events'),
      );
      const results: RunResult[] = [];
      for (let round = 1; round <= options.runs; round++) {
        for (const system of systems) {
          const step = progress.step(system.name);
          step.update(`run ${String(round)} of ${String(options.runs)}`);
          try {
            const result = await runOnce(
              system,
              { stack, load, workDir },
              round,
              options.stallSeconds * 1000,
            );
            results.push(result);
            step.done(describe(result));
          } catch (cause) {
            // One system's failure is a finding; the others go on.
            step.fail((cause as Error).message);
          }
        }
      }
      process.stdout.write(`${JSON.stringify(results, null, 1)}\n`);
    } finally {
      await stack.down();
    }
  } finally {
    progress.close();
    if (options.home === undefined) rmSync(home, { recursive: true, force: true });
  }
}

function describe({ rowsPerSecond, wholeRowsPerSecond, cpu, peakRss }: RunResult): string {
  const shown = (value: number): string => Math.round(value).toLocaleString('en');
  return (
    `${shown(rowsPerSecond)}/s steady, ${shown(wholeRowsPerSecond)}/s with start; CPU s/M: client ` +
    `${cpu.client.toFixed(1)}, postgres ${cpu.postgres.toFixed(1)}, broker ${cpu.broker.toFixed(1)}; ` +
    `${shown(peakRss / 1e6)} MB; ${cpu.otherCores.toFixed(1)} cores busy with other things`
  );
}

/** Installs what the chosen systems need, side by side, and returns them in order. */
async function installSystems(only: readonly string[], progress: Progress): Promise<System[]> {
  const { cache, stack } = loadConfig();
  const { javaHome } = stack;
  const install = async <T>(
    name: string,
    body: (step: ReturnType<Progress['step']>) => Promise<T>,
  ) => {
    const step = progress.step(name);
    try {
      const installed = await body(step);
      step.done('installed');
      return installed;
    } catch (cause) {
      step.fail('failed');
      throw cause;
    }
  };
  const wants = (prefix: string): boolean => only.some((name) => name.startsWith(prefix));
  const [python, jars] = await Promise.all([
    wants('pathway') ? install('pathway', (step) => installPathway({ cache, step, javaHome })) : '',
    wants('debezium')
      ? install('debezium', (step) => installDebezium({ cache, step, javaHome }))
      : '',
  ]);
  const makers: Readonly<Record<string, () => System>> = {
    copy: () => copyLimit(1),
    copy2: () => copyLimit(2),
    marquee: marqueeSystem,
    pathway: () => pathwaySystem(python),
    'debezium-insert': () => debeziumSystem(jars, findJava(javaHome), 'insert'),
    'debezium-upsert': () => debeziumSystem(jars, findJava(javaHome), 'upsert'),
  };
  return only.map((name) => {
    const make = makers[name];
    if (make === undefined) throw new Error(`No system ${name}; there are ${SYSTEMS.join(', ')}`);
    return make();
  });
}
