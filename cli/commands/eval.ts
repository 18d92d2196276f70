import type { Command } from 'commander';
import { registerScript } from '../develop/script-command.ts';

export function register(program: Command): void {
  const command = program
    .command('eval')
    .description('judge recommendations by a fixed protocol, on a stack of its own');
  registerScript(
    command
      .command('ranking')
      .description('the batch lists and predicted ratings on MovieLens, or on a synthetic world'),
    'tests/eval/ranking.ts',
  );
  registerScript(
    command
      .command('realtime')
      .description('the lists that the running system serves, on MovieLens brought to now'),
    'tests/eval/realtime.ts',
  );
  registerScript(
    command
      .command('knobs')
      .description("what a surface's diversity and popularity cost and bring, on MovieLens"),
    'tests/eval/knobs.ts',
  );
}
