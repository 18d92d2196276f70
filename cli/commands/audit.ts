import type { Command } from 'commander';
import { parseTime } from '../terminal/parse.ts';

interface Flags {
  readonly from?: number;
  readonly to?: number;
  readonly objects: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('audit')
    .description('hold tables, ledger and archive against each other; status 1 when one is off')
    .option('--from <time>', 'hours of receipt from this on (a time, or an age like 3d)', parseTime)
    .option('--to <time>', 'hours of receipt before this', parseTime)
    .option('--no-objects', 'leave the objects in the store unread')
    .option('--json', 'as JSON')
    .action(async (flags: Flags) => {
      const { runAudit } = await import('../archive/audit.ts');
      process.exitCode = await runAudit(flags);
    });
}
