import { InvalidArgumentError, type Command } from 'commander';
import type { Suite } from '../develop/test-run.ts';

const suites: readonly Suite[] = ['unit', 'int', 'faults'];

export function register(program: Command): void {
  program
    .command('test')
    .description('the whole test suite, with all its set-up; or some of: unit, int, faults')
    .argument('[suites...]', 'unit, int, faults', parseSuite, [])
    .option('--files <pattern...>', 'only test files whose path contains one of these')
    .action(async (chosen: readonly Suite[], options: { files?: string[] }) => {
      const { runSuites } = await import('../develop/test-run.ts');
      const wanted = chosen.length === 0 ? suites : suites.filter((name) => chosen.includes(name));
      process.exitCode = await runSuites(wanted, options.files ?? []);
    });
}

function parseSuite(value: string, previous: readonly Suite[]): readonly Suite[] {
  const suite = suites.find((name) => name === value);
  if (suite === undefined) throw new InvalidArgumentError(`Known suites: ${suites.join(', ')}.`);
  return [...previous, suite];
}
