import { loadConfig, readEnvironment } from '../config/config.ts';
import { print } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';
import { installCheckPython } from './check-python.ts';
import { runTool } from './tools.ts';

interface Check {
  readonly name: string;
  /** A program of node_modules/.bin, `node`, or `python`: the one that has what checks need. */
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
  'serving',
  'cli',
  'tests',
];

/** Those of the batch stage's tests that need no Spark. */
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
  { name: 'Python lint', tool: 'python', args: ['-m', 'ruff', 'check', '.'] },
  { name: 'Python format', tool: 'python', args: ['-m', 'ruff', 'format', '--check', '.'] },
  { name: 'Python tests', tool: 'python', args: pytest },
];
const atOnce = 2;

/** The command `marquee check`. Returns the exit code: 1 when a check fails. */
export async function runChecks(): Promise<number> {
  const progress = createProgress(process.stderr);
  const environment = {
    ...readEnvironment(),
    NO_COLOR: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    RUFF_NO_CACHE: 'true',
  };
  const failures: string[] = [];
  const queue = [...checks];
  const worker = async (): Promise<void> => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      const { name, tool, args } = check;
      const step = progress.step(name);
      try {
        const program = tool === 'python' ? await installCheckPython(loadConfig(), progress) : tool;
        const { code, output } = await runTool(program, args, environment);
        if (code !== 0) throw new Error(output.trimEnd());
        step.done('clean');
      } catch (error) {
        step.fail('failed');
        failures.push(`--- ${name} ---\n${(error as Error).message}\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  progress.close();
  for (const failure of failures) print(failure);
  print(`${checks.length - failures.length} of ${checks.length} checks are clean`);
  return failures.length === 0 ? 0 : 1;
}
