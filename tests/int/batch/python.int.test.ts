import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { loadConfig, readEnvironment, repositoryRoot } from '../../../cli/config/config.ts';
import { createProgress } from '../../../cli/terminal/progress.ts';
import { installSpark } from '../../../cli/stack/install/spark.ts';

let python: string;
let javaHome: string | undefined;
beforeAll(async () => {
  const { cache, stack } = loadConfig();
  const progress = createProgress(process.stderr);
  ({ javaHome } = stack);
  ({ python } = await installSpark({ cache, javaHome: stack.javaHome }, progress));
  progress.close();
}, 900_000);

/** Runs a module of the batch stage's Python in batch/; throws with its output when it fails. */
async function module(...args: readonly string[]): Promise<string> {
  const run = promisify(execFile)(python, ['-m', ...args], {
    cwd: join(repositoryRoot, 'batch'),
    env: {
      ...readEnvironment(),
      ...(javaHome === undefined ? {} : { JAVA_HOME: javaHome }),
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  try {
    return (await run).stdout;
  } catch (error) {
    const { message, stdout } = error as Error & { readonly stdout?: string };
    throw new Error(`${message}\n${stdout ?? ''}`, { cause: error });
  }
}

// Dozens of small Spark jobs, beside whatever else runs.
const TIMEOUT_MS = 600_000;

test(
  'the batch stage passes its own tests, pure and through Spark',
  async () => {
    expect(await module('pytest', '-c', 'pyproject.toml', '../tests/batch')).toMatch(/\d+ passed/);
  },
  TIMEOUT_MS,
);
