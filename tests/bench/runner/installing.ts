import { loadConfig } from '../../../cli/config/config.ts';
import type { InstallContext } from '../../../cli/stack/install/install-once.ts';
import type { Progress } from '../../../cli/terminal/progress.ts';

/** Installs what a peer needs into the cache, with its progress shown; returns where it is. */
export function installing(progress: Progress) {
  const { home, cache, stack } = loadConfig();
  const { javaHome, objectStore } = stack;
  const note = (text: string): void => {
    progress.note(text);
  };
  return async (
    name: string,
    body: (context: InstallContext) => Promise<string>,
  ): Promise<string> => {
    const step = progress.step(name);
    try {
      const installed = await body({ home, cache, step, javaHome, objectStore, note });
      step.done('installed');
      return installed;
    } catch (cause) {
      step.fail('failed');
      throw cause;
    }
  };
}
