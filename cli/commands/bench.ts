import type { Command } from 'commander';
import { registerScript } from '../develop/script-command.ts';

/** The benchmarks by name: scripts of the repository that read their options themselves. */
const BENCHMARKS = {
  'hot-path': {
    file: 'tests/bench/hot-path.ts',
    description: 'Kafka to tables, against COPY, Pathway and Debezium, on a stack of its own',
  },
  archive: {
    file: 'tests/bench/archive.ts',
    description:
      'Kafka to verified Parquet, against DuckDB and Iceberg’s sink, on a stack of its own',
  },
  batch: {
    file: 'tests/bench/batch.ts',
    description: 'the Spark stage on generated events, against the package implicit',
  },
  sdk: {
    file: 'tests/bench/sdk.ts',
    description: 'events that the SDK gets acknowledged a second, on a stack of its own',
  },
  serving: {
    file: 'tests/bench/serving.ts',
    description:
      'answers and freshness, against bare servers, bare queries and Feast, on a stack of its own',
  },
} as const;

export function register(program: Command): void {
  const bench = program.command('bench').description('measure; see docs/benchmarks.md');
  for (const [name, { file, description }] of Object.entries(BENCHMARKS))
    registerScript(bench.command(name).description(description), file);
}
