import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installLog, installOnce } from './install-once.ts';
import type { Progress } from '../../terminal/progress.ts';
import { runLogged } from '../host/run-logged.ts';
import { stepOf } from '../../terminal/steps.ts';

/**
 * The `python` of a virtual environment in the cache that has what a requirements file pins.
 * Another content of the file is another environment; nothing goes into the user's Python.
 */
export async function installPython(
  { cache }: { readonly cache: string },
  name: string,
  requirements: string,
  progress: Progress,
): Promise<string> {
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const folder = `python/${name}-${digest.slice(0, 12)}`;
  const python = join(cache, folder, 'bin', 'python');
  if (existsSync(python)) return python;
  await stepOf(progress, name, async (step) => {
    const place = { cache, step };
    const logFile = installLog(place, name);
    await installOnce(place, folder, async (part) => {
      step.update('making a virtual environment');
      await runLogged({
        step: `creation of the Python environment ${name}`,
        command: 'python3',
        args: ['-m', 'venv', part],
        logFile,
        remedy: 'check that `python3 -m venv` works (Debian: python3-venv).',
      });
      step.update('fetching its packages from PyPI');
      await runLogged({
        step: `installation of ${requirements}`,
        command: join(part, 'bin', 'python'),
        args: [
          '-m',
          'pip',
          'install',
          '--disable-pip-version-check',
          '--no-compile',
          '--requirement',
          requirements,
        ],
        logFile,
        remedy: 'check that PyPI is reachable.',
      });
    });
    step.done('installed');
  });
  return python;
}
