import { loadConfig } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { allOrErrors } from '../terminal/steps.ts';
import { installAddonStep } from './install/addon.ts';
import { openStack } from './open.ts';
import { provision } from './provision.ts';

/** Starts the stack with all that it holds, and gives the configuration that reaches it. */
export async function bringUp(options: { readonly waitAll: boolean }): Promise<Config> {
  const { waitAll } = options;
  const { progress, stack, config } = openStack();
  const start = async (): Promise<void> => {
    await stack.up({ slow: waitAll ? 'wait' : 'background' });
    await provision(loadConfig({ home: config.home }), progress);
  };
  try {
    await allOrErrors([start(), ...(waitAll ? [installAddonStep(config, progress)] : [])]);
  } finally {
    progress.close();
  }
  return loadConfig({ home: config.home });
}
