import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('lag')
    .description('how far each processor is behind its topic; works with processors stopped')
    .argument('[processors...]', 'names; all when none is given')
    .option('--json', 'as JSON')
    .option('--watch', 'again every 2 s, until interrupted')
    .action(async (names: string[], flags: { json?: boolean; watch?: boolean }) => {
      const { showLag } = await import('../operations/lag.ts');
      process.exitCode = await showLag(names, flags);
    });
}
