import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { BatchFlags } from '../batch/run.ts';

export function register(program: Command): void {
  const command = program
    .command('batch')
    .description('train on archived and recent events, publish lists and models');
  withOptions(
    command
      .command('run')
      .description('read, judge, train, write a snapshot, load it, promote it or reject it'),
  )
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action(async (flags: BatchFlags) => {
      const { batchRun } = await import('../batch/run.ts');
      process.exitCode = await batchRun(flags);
    });
  withOptions(
    command
      .command('tune')
      .description('search a small grid of settings, judged as runs are; publishes nothing'),
  )
    .option('--json', 'as JSON')
    .action(async (flags: BatchFlags) => {
      const { batchTune } = await import('../batch/tune.ts');
      process.exitCode = await batchTune(flags);
    });
  withOptions(
    command
      .command('daily')
      .description('stay, and run after each run of the archive; daily when that does not come'),
  ).action(async (flags: BatchFlags) => {
    const { batchDaily } = await import('../batch/daily.ts');
    await batchDaily(flags);
  });
}

function withOptions(command: Command): Command {
  return command
    .option('--seed <number>', 'of all that is random', parseSeed, 1)
    .option('--master <url>', 'where Spark runs', 'local[*]')
    .option('--memory <size>', "of Spark's driver", '3g')
    .option('--settings <file>', 'TOML, over batch/settings.toml')
    .option('--set <section.name=value>', 'one setting; may be repeated', collect, [])
    .option('--conf <name=value>', "one of Spark's own; may be repeated", collect, [])
    .option('--skip-corrupt', 'leave out archived objects that cannot be used, and say which')
    .option('--no-promote', 'only load it: promote it by hand');
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new InvalidArgumentError('wanted is a whole number from 0 on.');
}

function collect(text: string, before: readonly string[]): readonly string[] {
  if (/^[^=]+=/.test(text)) return [...before, text];
  throw new InvalidArgumentError('wanted is name=value.');
}

const HELP = `
A run that fails, is killed or is rejected changes nothing of what serves. Every run is a row of
model_performance_logs. docs/batch.md says what is trained, and batch/settings.toml with what.
`;
