import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { ResetFlags } from '../operations/offsets.ts';
import { parseWhole } from '../terminal/parse.ts';

export function register(program: Command): void {
  const offsets = program
    .command('offsets')
    .description('stored positions against the log; what to do when a partition was halted');
  offsets
    .command('show')
    .description('where a processor stands, what the log holds, and whether it is the same log')
    .argument('<processor>')
    .option('--json', 'as JSON')
    .action(async (name: string, flags: { json?: boolean }) => {
      const { showOffsets } = await import('../operations/offsets.ts');
      process.exitCode = await showOffsets(name, flags);
    });
  offsets
    .command('reset')
    .description(
      'go on elsewhere, and record what was skipped; only says what it would do without --yes',
    )
    .argument('<processor>')
    .requiredOption('--to <where>', 'start, end, or an offset', parseWhere)
    .option('--partition <n>', 'one partition; else all that do not stand well', parseWhole)
    .option('--another-log', 'the topic was deleted and made again, though that cannot be seen')
    .option('--note <text>', 'why, for the record')
    .option('--yes', 'do it')
    .action(async (name: string, flags: ResetFlags) => {
      const { resetOffsets } = await import('../operations/offsets.ts');
      process.exitCode = await resetOffsets(name, flags);
    });
}

function parseWhere(text: string): ResetFlags['to'] {
  if (text === 'start' || text === 'end') return text;
  if (/^\d+$/.test(text)) return parseWhole(text);
  throw new InvalidArgumentError('expected start, end or an offset');
}
