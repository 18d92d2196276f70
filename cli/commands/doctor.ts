import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('doctor')
    .description('what this machine lacks for Marquee, and how to get it')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: boolean }) => {
      const { showFindings } = await import('../stack/show-findings.ts');
      process.exitCode = showFindings(flags);
    });
}
