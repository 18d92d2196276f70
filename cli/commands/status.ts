import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('status')
    .description('health, ports and versions of the local stack')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: boolean }) => {
      const { showStatus } = await import('../stack/show-status.ts');
      process.exitCode = await showStatus(flags);
    });
}
