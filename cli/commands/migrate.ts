import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('migrate')
    .description('bring the database up to date: migrations, then views')
    .option('--dry-run', 'say what would be applied, and change nothing')
    .option('--url <url>', 'database and role to use (default: postgres.migratorUrl)')
    .action(async (options: { dryRun?: boolean; url?: string }) => {
      const { loadConfig } = await import('../config/config.ts');
      const { migrate } = await import('../../sql/migrate.ts');
      const dryRun = options.dryRun ?? false;
      const result = await migrate({
        url: options.url ?? loadConfig().postgres.migratorUrl,
        dryRun,
        log: (line) => process.stdout.write(`${line}\n`),
      });
      if (dryRun) {
        for (const name of result.applied) process.stdout.write(`would apply ${name}\n`);
      }
      for (const name of result.views) {
        process.stdout.write(`${dryRun ? 'would make' : 'made'} view ${name}\n`);
      }
      process.stdout.write(
        result.applied.length + result.views.length === 0
          ? `up to date at migration ${result.version}\n`
          : `database at migration ${result.version}\n`,
      );
    });
}
