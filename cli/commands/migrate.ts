import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('migrate')
    .description('bring the database up to date: migrations, then views')
    .option('--dry-run', 'say what would be applied, and change nothing')
    .option('--url <url>', 'database and role to use (default: postgres.migratorUrl)')
    .action(async (options: { dryRun?: boolean; url?: string }) => {
      const { migrateDatabase } = await import('../operations/migrate.ts');
      await migrateDatabase(options);
    });
}
