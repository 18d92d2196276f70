import { InvalidArgumentError, type Command } from 'commander';
import type { SuiteResult } from '../develop/test-run.ts';

const suites = ['unit', 'int', 'faults'] as const;
type Suite = (typeof suites)[number];

export function register(program: Command): void {
  program
    .command('test')
    .description('the whole test suite, with all its set-up; or some of: unit, int, faults')
    .argument('[suites...]', 'unit, int, faults', parseSuite, [])
    .option('--files <pattern...>', 'only test files whose path contains one of these')
    .action(async (chosen: readonly Suite[], options: { files?: string[] }) => {
      const { runSuite, summaryOf, withPrograms } = await import('../develop/test-run.ts');
      const wanted = chosen.length === 0 ? suites : suites.filter((name) => chosen.includes(name));
      const results: SuiteResult[] = [];
      const run = async (name: Suite): Promise<void> => {
        results.push(await runSuite(name, options.files ?? []));
      };
      const needsServers = wanted.filter((name) => name !== 'unit');
      const unit = async (): Promise<void> => {
        if (wanted.includes('unit')) await run('unit');
      };
      if (needsServers.length === 0) {
        await unit();
      } else {
        await withPrograms(unit, async () => {
          // One after the other: fault tests measure times on a machine that is theirs.
          for (const name of needsServers) await run(name);
        });
      }
      const { line, ok } = summaryOf(results);
      process.stdout.write(`\n${line}\n`);
      process.exitCode = ok ? 0 : 1;
    });
}

function parseSuite(value: string, previous: readonly Suite[]): readonly Suite[] {
  const suite = suites.find((name) => name === value);
  if (suite === undefined) throw new InvalidArgumentError(`Known suites: ${suites.join(', ')}.`);
  return [...previous, suite];
}
