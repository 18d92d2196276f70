import type { Command } from 'commander';

interface Check {
  readonly name: string;
  /** A program of node_modules/.bin, or `node`, or the `python` that has what the checks need. */
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
/** The tests of the batch stage that need no Spark. */
const pytest = [
  ...['-m', 'pytest', '-c', 'batch/pyproject.toml'],
  ...['tests/batch', '--ignore=tests/batch/spark'],
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
  { name: 'Python lint', tool: 'python', args: ['-m', 'ruff', 'check', '--no-cache', '.'] },
  {
    name: 'Python format',
    tool: 'python',
    args: ['-m', 'ruff', 'format', '--check', '--no-cache', '.'],
  },
  { name: 'Python tests', tool: 'python', args: pytest },
];
const atOnce = 2;

export function register(program: Command): void {
  program
    .command('check')
    .description('format, lint, types, layers, dead code, generated code, unit tests; Python too')
    .action(async () => {
      const { loadConfig, readEnvironment } = await import('../config/config.ts');
      const { installCheckPython } = await import('../develop/check-python.ts');
      const { runTool } = await import('../develop/tools.ts');
      const { createProgress } = await import('../terminal/progress.ts');
      const progress = createProgress(process.stderr);
      const environment = { ...readEnvironment(), NO_COLOR: '1', PYTHONDONTWRITEBYTECODE: '1' };
      const failures: string[] = [];
      const queue = [...checks];
      const worker = async (): Promise<void> => {
        for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
          const { name, tool, args } = check;
          const step = progress.step(name);
          try {
            const program =
              tool === 'python' ? await installCheckPython(loadConfig(), progress) : tool;
            const { code, output } = await runTool(program, args, environment);
            if (code !== 0) throw new Error(output.trimEnd());
            step.done('clean');
          } catch (failure) {
            step.fail('failed');
            failures.push(`--- ${name} ---\n${(failure as Error).message}\n`);
          }
        }
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
      progress.close();
      for (const failure of failures) process.stdout.write(`${failure}\n`);
      process.stdout.write(
        `${checks.length - failures.length} of ${checks.length} checks are clean\n`,
      );
      if (failures.length > 0) process.exitCode = 1;
    });
}
