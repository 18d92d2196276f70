import type { Command } from 'commander';

/** Makes a command of a script of the repository, which reads its options itself. */
export function registerScript(command: Command, file: string): void {
  command
    .argument('[options...]', '--help lists them')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (options: string[]) => {
      const { join } = await import('node:path');
      const { repositoryRoot } = await import('../config/config.ts');
      const { runScript } = await import('./run-script.ts');
      process.exitCode = await runScript(join(repositoryRoot, file), options);
    });
}
