import { Command } from 'commander';
import { MarqueeError } from '../common/error.ts';

interface CommandModule {
  register(program: Command): void;
}

/** Each subcommand and its file; only the one that is called is loaded. */
const commands: Readonly<Record<string, () => Promise<CommandModule>>> = {
  up: () => import('./commands/up.ts'),
  down: () => import('./commands/down.ts'),
  status: () => import('./commands/status.ts'),
  config: () => import('./commands/config.ts'),
  psql: () => import('./commands/psql.ts'),
  doctor: () => import('./commands/doctor.ts'),
  test: () => import('./commands/test.ts'),
  check: () => import('./commands/check.ts'),
  topics: () => import('./commands/topics.ts'),
  schema: () => import('./commands/schema.ts'),
  run: () => import('./commands/run.ts'),
  bench: () => import('./commands/bench.ts'),
  soak: () => import('./commands/soak.ts'),
  import: () => import('./commands/import.ts'),
  demo: () => import('./commands/demo.ts'),
  migrate: () => import('./commands/migrate.ts'),
  lag: () => import('./commands/lag.ts'),
  processors: () => import('./commands/processors.ts'),
  offsets: () => import('./commands/offsets.ts'),
  replay: () => import('./commands/replay.ts'),
  dlq: () => import('./commands/dlq.ts'),
  events: () => import('./commands/events.ts'),
  retention: () => import('./commands/retention.ts'),
  archive: () => import('./commands/archive.ts'),
  backfill: () => import('./commands/backfill.ts'),
  audit: () => import('./commands/audit.ts'),
  sql: () => import('./commands/sql.ts'),
  rebuild: () => import('./commands/rebuild.ts'),
  batch: () => import('./commands/batch.ts'),
  model: () => import('./commands/model.ts'),
  surfaces: () => import('./commands/surfaces.ts'),
  eval: () => import('./commands/eval.ts'),
  serve: () => import('./commands/serve.ts'),
  keys: () => import('./commands/keys.ts'),
};

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('marquee')
    .description('An open event pipeline for recommendations: Kafka to tables, exactly once')
    .showSuggestionAfterError();
  const load = commands[argv[2] ?? ''];
  for (const loader of load === undefined ? Object.values(commands) : [load]) {
    (await loader()).register(program);
  }
  await program.parseAsync([...argv]);
}

// A reader that has seen enough (`| head`) is no fault of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await main(process.argv);
} catch (error) {
  if (!(error instanceof MarqueeError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = 1;
}
