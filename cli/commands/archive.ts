import type { Command } from 'commander';
import { parseTime } from '../operate/parse.ts';

interface RunFlags {
  readonly until?: number;
  readonly json?: boolean;
}

function parseUntil(text: string): number {
  return text === 'now' ? Date.now() : parseTime(text);
}

export function register(program: Command): void {
  const command = program
    .command('archive')
    .description('roll aged events into verified Parquet, and see what is there');
  command
    .command('run')
    .description('copy what left the window of 48 h, verify it, then drop it from the hot table')
    .option(
      '--until <time>',
      'copy what was received before this (a time, an age like 1h, or `now`); nothing inside the window is dropped',
      parseUntil,
    )
    .option('--json', 'as JSON')
    .addHelpText('after', RUN_HELP)
    .action(async (flags: RunFlags) => {
      const { archiveRun } = await import('../archive/run.ts');
      process.exitCode = await archiveRun(flags);
    });
  command
    .command('daily')
    .description(
      'stay, and run when the schedule says so; a run that was missed is caught up at once',
    )
    .action(async () => {
      const { archiveDaily } = await import('../archive/daily.ts');
      await archiveDaily();
    });
  command
    .command('ls')
    .description('what the archive holds, by date')
    .option('--dates', 'history by date too, where it is shown by year')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: boolean; dates?: boolean }) => {
      const { archiveList } = await import('../archive/list.ts');
      await archiveList({ json: flags.json === true, dates: flags.dates === true });
    });
}

const RUN_HELP = `
A run commits its plan first; one that is cut short is finished by the next, with the same objects.
What it does not drop yet it names, with the reason.
`;
