import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('config')
    .description('every setting, its value and where it comes from; secrets hidden')
    .option('--json', 'as JSON')
    .option('--exports', "an analyst's settings for other tools, secrets and all, for `eval`")
    .action(async (options: { json?: boolean; exports?: boolean }) => {
      const { showConfig } = await import('../config/show-config.ts');
      showConfig(options);
    });
}
