/**
 * The benchmark of the hot path: the same events through Marquee and its peers into the same table.
 * Run by `marquee bench hot-path`; docs/benchmarks.md says what is measured and how.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { createProgress } from '../../cli/terminal/progress.ts';
import { stopChildren } from './runner/child.ts';
import { measure } from './hot-path/measure.ts';
import type { MeasureOptions } from './hot-path/measure.ts';
import { positive, withSetting } from './runner/options.ts';
import { renderReport } from './hot-path/report.ts';
import { startBenchStack } from './runner/stack.ts';
import { installSystems, SYSTEMS } from './hot-path/systems.ts';

interface Options extends MeasureOptions {
  readonly only: readonly string[];
  readonly home?: string;
  readonly out: string;
}

function systemNames(text: string): readonly string[] {
  const names = text === 'none' ? [] : text.split(',');
  const unknown = names.find((name) => !SYSTEMS.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`there is no ${unknown}`);
  return names;
}

const program = new Command('marquee bench hot-path')
  .description('measure Kafka -> rt_user_interactions against its peers, on a stack of its own')
  .option('--events <n>', 'user actions in the topics', positive, 2_000_000)
  .option('--runs <n>', 'runs of each system, alternating', positive, 5)
  .option('--seed <n>', 'seed of the events', positive, 7)
  .option('--users <n>', 'users', positive, 100_000)
  .option('--movies <n>', 'movies', positive, 20_000)
  .addOption(
    new Option('--codec <name>', 'compression of all topics')
      .choices(['gzip', 'none'])
      .default('gzip'),
  )
  .addOption(
    new Option('--only <names>', `systems to compare: none, or some of ${SYSTEMS.join(',')}`)
      .argParser(systemNames)
      .default(SYSTEMS, 'all'),
  )
  .option('--no-four', 'leave out all four processors together')
  .option('--no-latency', 'leave out the time from SDK call to visible row')
  .option('--no-sdk', 'leave out the events that the SDK gets acknowledged')
  .option('--latency-seconds <n>', 'how long latency is measured', positive, 60)
  .option(
    '--settings <MARQUEE_KEY=value>',
    'setting of the processors (again for more)',
    withSetting,
    {},
  )
  .option('--out <folder>', 'where the report goes', join(import.meta.dirname, 'results'))
  .option('--home <folder>', 'keep stack and events there, for another run')
  .option('--stall-seconds <n>', 'give a run up when no row came for so long', positive, 60);

program.parse();
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      reject(new Error(`stopped by ${signal}`));
    });
  }
});
interrupted.catch(() => undefined);
try {
  await main(program.opts<Options>());
} catch (cause) {
  process.stderr.write(`${(cause as Error).message}\n`);
  // What was interrupted still waits for its servers, which are gone.
  process.exit(1);
}

async function main(options: Options): Promise<void> {
  const progress = createProgress(process.stderr);
  const startedAt = new Date();
  try {
    const systems = await installSystems(options.only, progress);
    const stack = await startBenchStack(options.home, progress);
    const workDir = join(stack.home, 'bench');
    mkdirSync(workDir, { recursive: true });
    try {
      const bench = { stack, systems, workDir, startedAt, progress };
      const report = await Promise.race([measure(options, bench), interrupted]);
      const file = join(options.out, `${startedAt.toISOString().slice(0, 10)}-hot-path.md`);
      mkdirSync(options.out, { recursive: true });
      writeFileSync(file, renderReport(report));
      progress.note(`wrote ${file}`);
      if (report.findings.length > 0) process.exitCode = 1;
    } finally {
      await stopChildren();
      await stack.stop();
    }
  } finally {
    progress.close();
  }
}
