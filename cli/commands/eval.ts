import type { Command } from 'commander';
import { registerScript } from '../develop/script-command.ts';

export function register(program: Command): void {
  registerScript(
    program
      .command('eval')
      .description('judge recommendations by a fixed protocol, on a stack of its own')
      .command('ranking')
      .description('the batch lists and predicted ratings on MovieLens, or on a synthetic world'),
    'tests/eval/ranking.ts',
  );
}
