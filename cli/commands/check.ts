import type { Command } from 'commander';

export function register(program: Command): void {
  program
    .command('check')
    .description('format, lint, types, layers, dead code, generated code, unit tests; Python too')
    .action(async () => {
      const { runChecks } = await import('../develop/check-run.ts');
      process.exitCode = await runChecks();
    });
}
