import type { Command } from 'commander';
import { parseCount, parseTime } from '../terminal/parse.ts';
import type { ListFlags, RedriveFlags } from '../operations/dead-letters.ts';

export function register(program: Command): void {
  const dlq = program
    .command('dlq')
    .description('records that processors refused: list, look at, send again');
  withFilter(dlq.command('ls').description('the newest first, with the reason of each'))
    .option('--waiting', 'only those that were not redriven')
    .option('--limit <n>', 'at most so many', parseCount, 50)
    .option('--json', 'as JSON')
    .action(async (flags: ListFlags) => {
      const { showDeadLetters } = await import('../operations/dead-letters.ts');
      await showDeadLetters(flags);
    });
  dlq
    .command('show')
    .description('one dead letter: reason, headers, the decoded value and its bytes')
    .argument('<place>', 'processor/topic/partition/offset')
    .action(async (place: string) => {
      const { showDeadLetter } = await import('../operations/dead-letters.ts');
      await showDeadLetter(place);
    });
  withFilter(
    dlq
      .command('redrive')
      .description(
        'send again, to the processor that refused; only says what it would without --yes',
      ),
  )
    .option('--all', 'every dead letter, when no filter is given')
    .option('--again', 'also those that were redriven before')
    .option('--force', 'also records that came back 3 times, and those of compacted topics')
    .option('--dry-run', 'only say what would be sent (the default)')
    .option('--yes', 'do it')
    .action(async (flags: RedriveFlags) => {
      const { redriveDeadLetters } = await import('../operations/dead-letters.ts');
      await redriveDeadLetters(flags);
    });
}

function withFilter(command: Command): Command {
  return command
    .option('--processor <name>', 'refused by this processor')
    .option('--reason <reason>', 'refused for this reason')
    .option('--app <app>', 'sent by this app, where that could be read')
    .option(
      '--since <time>',
      'first received then or later (2026-11-20T12:00Z, or 2h ago)',
      parseTime,
    )
    .option('--until <time>', 'first received before then', parseTime);
}
