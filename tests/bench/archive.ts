/**
 * The benchmark of the archive: the same events from Kafka to Parquet by Marquee and its peers.
 * Run by `marquee bench archive`; docs/benchmarks.md says what is measured and how.
 */
import { loadConfig } from '../../cli/config/config.ts';
import { findJava } from '../../cli/stack/install/jars.ts';
import type { Progress } from '../../cli/terminal/progress.ts';
import { measureArchive, type ArchiveOptions, type ArchivePeers } from './archive/measure.ts';
import { renderArchive, type ArchiveFigures } from './archive/report.ts';
import { installIceberg } from './peers/jars.ts';
import { installPythonPeer } from './peers/python.ts';
import { positive, sizes, withLoad, withRounds, withSettings } from './runner/options.ts';
import { runBench } from './runner/run.ts';

interface Options extends ArchiveOptions {
  readonly home?: string;
  readonly out: string;
}

await runBench<Options, ArchiveFigures>({
  name: 'archive',
  description: 'measure Kafka -> verified Parquet against its peers, on a stack of its own',
  options(command) {
    withLoad(command, 1_000_000);
    withRounds(command, 5);
    return withSettings(command, 'archive')
      .option(
        '--growth <sizes>',
        'sizes that the topic is grown to after, comma-separated; none leaves it out',
        sizes,
        [3_000_000, 10_000_000],
      )
      .option('--growth-runs <n>', 'runs of each of these sizes', positive, 1)
      .option('--no-sink', 'leave out Iceberg’s Kafka Connect sink')
      .option('--no-duckdb', 'leave out DuckDB’s COPY TO')
      .option('--home <folder>', 'keep the stack there')
      .option(
        '--stall-seconds <n>',
        'give a sink up when it commits nothing for so long',
        positive,
        90,
      );
  },
  async measure(options, bench) {
    const peers = await installPeers(options, bench.progress);
    return bench.onStack({ ...options, services: ['object-store'] }, (place) =>
      measureArchive(options, peers, place, bench),
    );
  },
  render: renderArchive,
});

/** DuckDB is needed in any case: it checks what was written. */
async function installPeers(options: Options, progress: Progress): Promise<ArchivePeers> {
  const [python, jars] = await Promise.all([
    installPythonPeer('duckdb', progress),
    options.sink ? installIceberg(progress) : '',
  ]);
  return { python, jars, java: findJava(loadConfig().stack.javaHome) };
}
