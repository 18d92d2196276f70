import type { Command } from 'commander';

const marks = { good: 'ok', poor: '--', missing: '!!' } as const;

export function register(program: Command): void {
  program
    .command('doctor')
    .description('what this machine lacks for Marquee, and how to get it')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => {
      const { loadConfig } = await import('../config/config.ts');
      const { diagnose } = await import('../stack/doctor.ts');
      const findings = diagnose(loadConfig());
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
      } else {
        for (const { name, state, detail, remedy } of findings) {
          process.stdout.write(`${marks[state]} ${name.padEnd(13)} ${detail}\n`);
          if (remedy !== null) process.stdout.write(`${' '.repeat(17)}${remedy}\n`);
        }
      }
      if (findings.some(({ state }) => state === 'missing')) process.exitCode = 1;
    });
}
