import { join } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { repositoryRoot } from '../../../cli/config/config.ts';

/** Adds what says where the report goes; every bench has it. */
export function withOut(command: Command): Command {
  const results = join(repositoryRoot, 'tests', 'bench', 'results');
  return command.option('--out <folder>', 'where the report goes', results);
}

export type TopicCodec = 'gzip' | 'none';

/** What stands in the topics of a bench. */
export interface LoadOptions {
  readonly events: number;
  readonly seed: number;
  readonly users: number;
  readonly movies: number;
  readonly codec: TopicCodec;
}

export function withLoad(command: Command, events: number): Command {
  command.option('--events <n>', 'user actions in the topics', positive, events);
  return withPopulation(command).addOption(
    new Option('--codec <name>', 'compression of all topics')
      .choices(['gzip', 'none'])
      .default('gzip'),
  );
}

export function withPopulation(command: Command): Command {
  return command
    .option('--seed <n>', 'seed of the events', positive, 7)
    .option('--users <n>', 'users', positive, 100_000)
    .option('--movies <n>', 'movies', positive, 20_000);
}

export function withRounds(command: Command, rounds: number): Command {
  return command.option('--runs <n>', 'runs of each system, alternating', positive, rounds);
}

/** Settings that are passed on to the processes under test. */
export function withSettings(command: Command, of: string): Command {
  return command.option(
    '--settings <MARQUEE_KEY=value>',
    `setting of the ${of} (again for more)`,
    withSetting,
    {},
  );
}

export function positive(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('not a whole number above 0');
  return value;
}

export function sizes(text: string): number[] {
  return text === 'none' ? [] : text.split(',').map(positive);
}

function withSetting(
  text: string,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const [, key, value] = /^(MARQUEE_[A-Z_]+[A-Z0-9_]*)=(.*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) {
    throw new InvalidArgumentError('wanted is MARQUEE_KEY=value');
  }
  return { ...before, [key]: value };
}
