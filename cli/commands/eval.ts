import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('eval')
    .description('judge recommendations by a fixed protocol, on a stack of its own')
    .command('ranking')
    .description('the batch lists and predicted ratings on MovieLens, or on a synthetic world')
    .argument('[options...]', '--help lists them')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (options: string[]) => {
      const { join } = await import('node:path');
      const { repositoryRoot } = await import('../config.ts');
      const { runScript } = await import('../run-script.ts');
      process.exitCode = await runScript(
        join(repositoryRoot, 'tests', 'eval', 'ranking.ts'),
        options,
      );
    });
}
