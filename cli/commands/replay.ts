import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { ReplayFlags } from '../streams/replay.ts';
import { parseTime } from '../terminal/parse.ts';
import type { ReplayFrom } from '../../streams/replay/replay-options.ts';

export function register(program: Command): void {
  program
    .command('replay')
    .description("rebuild a processor's tables from the log beside the live ones, then swap them")
    .argument('<processor>')
    .requiredOption(
      '--from <where>',
      'earliest, an offset, a time (2026-11-20T12:00Z) or an age (2h)',
      parseFrom,
    )
    .option('--compare', 'only compare with the live tables, row for row; change nothing')
    .option('--keep', 'leave the copies (after a swap: the replaced tables) in the replay schema')
    .option('--json', 'the report as JSON')
    .addHelpText(
      'after',
      '\nThe live processor may run on. It starts at the first offset of a ledger range. Tables that' +
        '\nadd up all events (profiles, movies) can only be made from the earliest.',
    )
    .action(async (name: string, flags: ReplayFlags) => {
      const { replayTables } = await import('../streams/replay.ts');
      process.exitCode = await replayTables(name, flags);
    });
}

function parseFrom(text: string): ReplayFrom {
  if (text === 'earliest') return { kind: 'earliest' };
  if (/^\d+$/.test(text)) return { kind: 'offset', offset: Number(text) };
  try {
    return { kind: 'time', ms: parseTime(text) };
  } catch {
    throw new InvalidArgumentError('expected earliest, an offset, a time or an age');
  }
}
