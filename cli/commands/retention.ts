import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('retention')
    .description('drop partitions that are older than configured; `marquee run` does so every hour')
    .option('--dry-run', 'only say what would be dropped')
    .option('--json', 'as JSON')
    .action(async (flags: { dryRun?: boolean; json?: boolean }) => {
      const { dropExpired } = await import('../operations/retention.ts');
      await dropExpired(flags);
    });
}
