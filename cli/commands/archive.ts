import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { parseTime, parseWhole } from '../terminal/parse.ts';

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
    .option(
      '--metrics-port <port>',
      'of /metrics and /healthz on loopback; 0: any free one',
      parseWhole,
    )
    .action(async (flags: { readonly metricsPort?: number }) => {
      const { archiveDaily } = await import('../archive/daily.ts');
      await archiveDaily(flags);
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
  registerMaintenance(command);
}

interface MaintenanceFlags {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

function registerMaintenance(command: Command): void {
  command
    .command('compact')
    .description('merge the small files of each date; `daily` does so by rule')
    .option('--date <date>', 'only this UTC date (YYYY-MM-DD)', parseDate)
    .option('--dry-run', 'only say what would be merged')
    .option('--json', 'as JSON')
    .action(async (flags: MaintenanceFlags & { readonly date?: string }) => {
      const { archiveCompact } = await import('../archive/maintenance.ts');
      await archiveCompact(flags);
    });
  command
    .command('expire')
    .description('show the files that are older than is kept; with --yes take them out')
    .option('--keep-days <days>', 'instead of the configured days; at least 30', parseKeepDays)
    .option('--backfill <source>', 'take this backfill back (its topic, as `backfill ls` has it)')
    .option('--yes', 'do it')
    .option('--json', 'as JSON')
    .action(
      async (flags: { keepDays?: number; backfill?: string; yes?: boolean; json?: boolean }) => {
        const { archiveExpire } = await import('../archive/maintenance.ts');
        await archiveExpire(flags);
      },
    );
  command
    .command('clean')
    .description('remove objects that were replaced, have expired, or that nothing lists')
    .option('--dry-run', 'only say what would be removed')
    .option('--json', 'as JSON')
    .action(async (flags: MaintenanceFlags) => {
      const { archiveClean } = await import('../archive/maintenance.ts');
      await archiveClean(flags);
    });
}

function parseDate(text: string): string {
  const ms = Date.parse(`${text}T00:00:00Z`);
  if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(ms)) return text;
  throw new InvalidArgumentError('wanted is a date like 2026-11-20.');
}

function parseKeepDays(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= KEEP_DAYS_MIN) return days;
  throw new InvalidArgumentError(`wanted is a whole number of days, at least ${KEEP_DAYS_MIN}.`);
}

const KEEP_DAYS_MIN = 30;

const RUN_HELP = `
A run commits its plan first; one that is cut short is finished by the next, with the same objects.
What it does not drop yet it names, with the reason.
`;
