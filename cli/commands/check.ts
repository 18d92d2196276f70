import type { Command } from 'commander';

interface Check {
  readonly name: string;
  readonly tool: string;
  readonly args: readonly string[];
}

const layers = [
  'common',
  'schemas',
  'sdk',
  'connectors',
  'sql',
  'streams',
  'archive',
  'operations',
  'cli',
  'tests',
];

/** The slow ones first, so that two at a time end together. */
const checks: readonly Check[] = [
  { name: 'lint', tool: 'eslint', args: ['.'] },
  { name: 'types', tool: 'tsc', args: ['-p', '.'] },
  { name: 'format', tool: 'prettier', args: ['--check', '--log-level=warn', '.'] },
  { name: 'layers', tool: 'depcruise', args: ['--config', '.dependency-cruiser.cjs', ...layers] },
  { name: 'dead code', tool: 'knip', args: [] },
  { name: 'codegen', tool: 'node', args: ['schemas/codegen.ts', '--check'] },
  { name: 'unit tests', tool: 'vitest', args: ['run', '--project', 'unit', '--reporter=dot'] },
];
const atOnce = 2;

export function register(program: Command): void {
  program
    .command('check')
    .description('format, lint, types, layers, dead code, generated code, unit tests')
    .action(async () => {
      const { readEnvironment } = await import('../config/config.ts');
      const { runTool } = await import('../develop/tools.ts');
      const { createProgress } = await import('../terminal/progress.ts');
      const progress = createProgress(process.stderr);
      const failures: string[] = [];
      const queue = [...checks];
      const lane = async (): Promise<void> => {
        for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
          const step = progress.step(check.name);
          const { code, output } = await runTool(check.tool, check.args, {
            ...readEnvironment(),
            NO_COLOR: '1',
          });
          if (code === 0) step.done('clean');
          else step.fail('failed');
          if (code !== 0) failures.push(`--- ${check.name} ---\n${output.trimEnd()}\n`);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, lane));
      progress.close();
      for (const failure of failures) process.stdout.write(`${failure}\n`);
      process.stdout.write(
        `${checks.length - failures.length} of ${checks.length} checks are clean\n`,
      );
      if (failures.length > 0) process.exitCode = 1;
    });
}
