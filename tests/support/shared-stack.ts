import { inject } from 'vitest';
import { loadConfig, type Config } from '../../cli/config/config.ts';

/**
 * The stack that all integration tests of a run share. A test makes topics, subjects and rows
 * under names of its own; one that stops a server starts a stack of its own (stack.ts).
 */
export function sharedStack(): { readonly config: Config; readonly adminUrl: string } {
  const home = inject('marqueeHome');
  return { config: loadConfig({ home }, {}), adminUrl: inject('marqueeAdminUrl') };
}
