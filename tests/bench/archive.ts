/**
 * The benchmark of the archive: the same events from Kafka to Parquet by Marquee and its peers.
 * Run by `marquee bench archive`; docs/benchmarks.md says what is measured and how.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { loadConfig } from '../../cli/config/config.ts';
import { findJava } from '../../cli/stack/install/jars.ts';
import { createProgress } from '../../cli/terminal/progress.ts';
import type { Progress } from '../../cli/terminal/progress.ts';
import { measureArchive } from './archive/measure.ts';
import type { ArchiveOptions } from './archive/measure.ts';
import { renderArchive } from './archive/report.ts';
import { stopChildren } from './runner/child.ts';
import { installing } from './runner/installing.ts';
import { positive, sizes, withSetting } from './runner/options.ts';
import { installDuckdb, installIceberg } from './peers/install.ts';
import { startBenchStack } from './runner/stack.ts';

interface Options extends ArchiveOptions {
  readonly home?: string;
  readonly out: string;
}

const program = new Command('marquee bench archive')
  .description('measure Kafka -> verified Parquet against its peers, on a stack of its own')
  .option('--events <n>', 'user actions in the topics', positive, 1_000_000)
  .option('--runs <n>', 'runs of each system, alternating', positive, 5)
  .option(
    '--growth <sizes>',
    'sizes that the topic is grown to after, comma-separated; none leaves it out',
    sizes,
    [3_000_000, 10_000_000],
  )
  .option('--growth-runs <n>', 'runs of each of these sizes', positive, 1)
  .option('--seed <n>', 'seed of the events', positive, 7)
  .option('--users <n>', 'users', positive, 100_000)
  .option('--movies <n>', 'movies', positive, 20_000)
  .addOption(
    new Option('--codec <name>', 'compression of all topics')
      .choices(['gzip', 'none'])
      .default('gzip'),
  )
  .option('--no-sink', 'leave out Iceberg’s Kafka Connect sink')
  .option('--no-duckdb', 'leave out DuckDB’s COPY TO')
  .option(
    '--settings <MARQUEE_KEY=value>',
    'setting of the archive (again for more)',
    withSetting,
    {},
  )
  .option('--out <folder>', 'where the report goes', join(import.meta.dirname, 'results'))
  .option('--home <folder>', 'keep the stack there')
  .option(
    '--stall-seconds <n>',
    'give a sink up when it commits nothing for so long',
    positive,
    90,
  );

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
    const [python, jars] = await installPeers(options, progress);
    const stack = await startBenchStack(options.home, progress, ['object-store']);
    const workDir = join(stack.home, 'bench');
    mkdirSync(workDir, { recursive: true });
    try {
      const java = findJava(loadConfig().stack.javaHome);
      const bench = { stack, workDir, startedAt, progress, python, jars, java };
      const report = await Promise.race([measureArchive(options, bench), interrupted]);
      const file = join(options.out, `${startedAt.toISOString().slice(0, 10)}-archive.md`);
      mkdirSync(options.out, { recursive: true });
      writeFileSync(file, renderArchive(report));
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

/** DuckDB is needed in any case: it checks what was written. */
function installPeers(options: Options, progress: Progress): Promise<[string, string]> {
  const install = installing(progress);
  return Promise.all([
    install('duckdb', installDuckdb),
    options.sink ? install('iceberg', installIceberg) : '',
  ]);
}
