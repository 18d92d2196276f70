import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { parseTime } from '../terminal/parse.ts';
import type { ReplayReport } from '../../streams/replay/replay.ts';
import type { ReplayFrom } from '../../streams/replay/replay-options.ts';
import type { TableComparison } from '../../streams/replay/compare-tables.ts';

interface Flags {
  readonly from: ReplayFrom;
  readonly compare?: boolean;
  readonly keep?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('replay')
    .description("rebuild a processor's tables from the log beside the live ones, then swap them")
    .argument('<processor>')
    .requiredOption(
      '--from <where>',
      'earliest, an offset, a time (2026-11-20T12:00Z) or an age (2h)',
      parseFrom,
    )
    .option('--compare', 'only compare with the live tables, row for row; change nothing')
    .option('--keep', 'leave the copies (after a swap: the replaced tables) in the replay schema')
    .option('--json', 'the report as JSON')
    .addHelpText(
      'after',
      '\nThe live processor may run on. It starts at the first offset of a ledger range. Tables that' +
        '\nadd up all events (profiles, movies) can only be made from the earliest.',
    )
    .action(run);
}

async function run(name: string, flags: Flags): Promise<void> {
  const { pino } = await import('pino');
  const { loadConfig } = await import('../config/config.ts');
  const { processorNamed } = await import('../../operations/processor-named.ts');
  const { printJson } = await import('../terminal/output.ts');
  const { createProgress } = await import('../terminal/progress.ts');
  const { isEqual } = await import('../../streams/replay/compare-tables.ts');
  const { replay } = await import('../../streams/replay/replay.ts');
  const processor = processorNamed(name);
  const config = loadConfig();
  const cancel = new AbortController();
  const onSignal = () => {
    cancel.abort();
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const progress = createProgress(process.stderr);
  const { throttled } = await import('../terminal/throttled.ts');
  const step = progress.step(`replay ${name}`);
  const update = throttled(step);
  try {
    const report = await replay({
      processor,
      brokers: config.kafka.brokers,
      kafkaClient: config.kafka.client,
      registryUrl: config.registry.url,
      postgresUrl: config.postgres.writerUrl,
      settings: config.runtime.settings,
      log: pino(
        { level: config.log.level === 'info' ? 'warn' : config.log.level },
        pino.destination(2),
      ),
      from: flags.from,
      mode: flags.compare === true ? 'compare' : 'swap',
      keep: flags.keep === true,
      signal: cancel.signal,
      onProgress: ({ phase, done, due }) => {
        update(
          phase === 'replaying'
            ? `${phase} ${done.toLocaleString('en-US')} of ${due.toLocaleString('en-US')} offsets`
            : phase,
        );
      },
    });
    step.done(summary(report));
    progress.close();
    if (flags.json === true)
      printJson({ ...report, positions: Object.fromEntries(report.positions) });
    else await describe(report);
    if (flags.compare === true && !report.comparisons.every(isEqual)) process.exitCode = 1;
  } catch (error) {
    step.fail('nothing was changed');
    progress.close();
    throw error;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

function summary(report: ReplayReport): string {
  const records = report.starts.reduce(
    (sum, { partition, from }) => sum + (report.positions.get(partition) ?? from) - from,
    0,
  );
  const what = report.swapped ? 'tables replaced' : 'compared';
  return `${what}; ${records.toLocaleString('en-US')} offsets in ${report.seconds.toFixed(1)} s`;
}

async function describe(report: ReplayReport): Promise<void> {
  const { left, print, right, table } = await import('../terminal/output.ts');
  const { isEqual } = await import('../../streams/replay/compare-tables.ts');
  if (report.copiedRows > 0)
    print(`${report.copiedRows} earlier rows were copied from the live tables`);
  if (report.carriedOver > 0) print(`${report.carriedOver} rows kept what no log can give again`);
  const columns = [
    left('table'),
    right('live'),
    right('replay'),
    right('only live'),
    right('only replay'),
  ];
  const rows = report.comparisons.map((c: TableComparison) => [
    c.table,
    ...[c.leftRows, c.rightRows, c.onlyLeft, c.onlyRight].map(String),
  ]);
  print(table(columns, rows));
  for (const comparison of report.comparisons.filter((c) => !isEqual(c)))
    for (const { side, row } of comparison.samples)
      print(
        `${comparison.table}, only ${side === 'left' ? 'live' : 'replay'}: ${JSON.stringify(row)}`,
      );
}

function parseFrom(text: string): ReplayFrom {
  if (text === 'earliest') return { kind: 'earliest' };
  if (/^\d+$/.test(text)) return { kind: 'offset', offset: Number(text) };
  try {
    return { kind: 'time', ms: parseTime(text) };
  } catch {
    throw new InvalidArgumentError('expected earliest, an offset, a time or an age');
  }
}
