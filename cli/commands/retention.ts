import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('retention')
    .description('drop partitions that are older than configured; `marquee run` does so every hour')
    .option('--dry-run', 'only say what would be dropped')
    .option('--json', 'as JSON')
    .action(async (flags: { dryRun?: boolean; json?: boolean }) => {
      const { loadConfig } = await import('../config/config.ts');
      const { applyRetention, describeRetention } = await import('../../operations/retention.ts');
      const { print, printJson, withSession } = await import('../terminal/output.ts');
      const { postgres, retention } = loadConfig();
      const dryRun = flags.dryRun === true;
      const steps = await withSession(postgres.writerUrl, 'retention', (session) =>
        applyRetention(session, retention, { dryRun, nowMs: Date.now() }),
      );
      if (flags.json === true) printJson(steps);
      else print(describeRetention(steps, dryRun));
    });
}
