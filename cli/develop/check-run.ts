import { readEnvironment } from '../config/config.ts';
import { print } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';
import { runTool } from './tools.ts';

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

/** The command `marquee check`. Returns the exit code: 1 when a check fails. */
export async function runChecks(): Promise<number> {
  const progress = createProgress(process.stderr);
  const failures: string[] = [];
  const queue = [...checks];
  const worker = async (): Promise<void> => {
    for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
      const step = progress.step(check.name);
      const environment = { ...readEnvironment(), NO_COLOR: '1' };
      const { code, output } = await runTool(check.tool, check.args, environment);
      if (code === 0) step.done('clean');
      else step.fail('failed');
      if (code !== 0) failures.push(`--- ${check.name} ---\n${output.trimEnd()}\n`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  progress.close();
  for (const failure of failures) print(failure);
  print(`${checks.length - failures.length} of ${checks.length} checks are clean`);
  return failures.length === 0 ? 0 : 1;
}
