import type { Command } from 'commander';
import { registerScript } from '../develop/script-command.ts';

export function register(program: Command): void {
  registerScript(
    program
      .command('soak')
      .description('the long form of the fault suite, on a stack of its own; --help lists options'),
    'tests/soak/run.ts',
  );
}
