import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('processors')
    .description('each processor: who runs it, how far it is, what became of its records')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: boolean }) => {
      const { showProcessors } = await import('../operations/processors.ts');
      await showProcessors(flags);
    });
}
