import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('soak')
    .description('the long form of the fault suite, on a stack of its own; --help lists options')
    .argument('[options...]', 'see --help')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (options: string[]) => {
      const { join } = await import('node:path');
      const { repositoryRoot } = await import('../config.ts');
      const { runScript } = await import('../run-script.ts');
      const file = join(repositoryRoot, 'tests', 'support', 'faults', 'run-soak.ts');
      process.exitCode = await runScript(file, options);
    });
}
