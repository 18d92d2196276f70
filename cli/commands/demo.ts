import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('demo')
    .description('the whole main job: stack, processors, an import, and the tables it leads to')
    .option('--movielens <dir>', 'an unpacked MovieLens set, its times squeezed into 12 hours')
    .option('--events <n>', 'user actions of the synthetic world otherwise', wholeNumber, 100_000)
    .option('--no-batch', 'leave out the batch stage (Spark)')
    .option(
      '--live <seconds>',
      'how long simulated users ask the API and answer at the end; 0: not at all',
      seconds,
    )
    .action(
      async (flags: { movielens?: string; events: number; batch: boolean; live?: number }) => {
        const { runDemo } = await import('../demo/demo.ts');
        const { movielens, events, batch, live } = flags;
        // At a terminal it goes on until Ctrl-C.
        const liveSeconds = live ?? (process.stdout.isTTY ? null : 20);
        process.exitCode = await runDemo({ movielens, events, batch, liveSeconds });
      },
    );
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('a whole number from 1 is needed');
}

function seconds(text: string): number {
  return text === '0' ? 0 : wholeNumber(text);
}
