import type { Command } from 'commander';
import type { TailFlags } from '../operations/events.ts';
import { parseCount, parseTime } from '../terminal/parse.ts';

export function register(program: Command): void {
  const events = program.command('events').description('what apps sent, and what became of it');
  events
    .command('tail')
    .description('the newest events of a user or an app, and what each processor did with them')
    .option('--user <id>', 'of this user')
    .option('--app <name>', 'of this app')
    .option('--since <time>', 'received then or later (2026-11-20T12:00Z, or 2h ago)', parseTime)
    .option('--limit <n>', 'at most so many, the newest', parseCount, 20)
    .option('--follow', 'go on with what comes, until interrupted')
    .option('--json', 'as JSON, one event a line')
    .action(async (flags: Omit<TailFlags, 'since'> & { since?: number }) => {
      const { showEvents } = await import('../operations/events.ts');
      await showEvents({ ...flags, since: flags.since ?? parseTime('1h') });
    });
}
