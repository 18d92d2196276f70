import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('demo')
    .description('the whole main job: stack, processors, an import, and the tables it leads to')
    .option('--movielens <dir>', 'an unpacked MovieLens set, its times squeezed into 12 hours')
    .option('--events <n>', 'user actions of the synthetic world otherwise', wholeNumber, 100_000)
    .option('--no-batch', 'leave out the batch stage (Spark)')
    .action(async (flags: { movielens?: string; events: number; batch: boolean }) => {
      const { runDemo } = await import('../demo/demo.ts');
      const { movielens, events, batch } = flags;
      process.exitCode = await runDemo({ movielens, events, batch });
    });
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('a whole number from 1 is needed');
}
