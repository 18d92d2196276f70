import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { MarqueeError } from '../../schemas/error.ts';
import type { PartContext } from './part.ts';

/** How to start a program that refuses to be root. */
export interface Unprivileged {
  readonly dataDir: string;
  readonly programs: string;
  wrap(command: string, args: readonly string[]): [string, ...string[]];
}

const namespace = ['--user', '--map-user=1000', '--map-group=1000'];

/**
 * Postgres refuses root. Inside a user namespace in which root's files belong to user 1000 it runs
 * from any folder, one that only root can read included.
 */
export function asUnprivileged(context: PartContext): Unprivileged {
  const plain = { dataDir: join(context.dataDir, 'data'), programs: context.programs };
  if (process.getuid?.() !== 0) return { ...plain, wrap: (command, args) => [command, ...args] };
  if (spawnSync('unshare', [...namespace, 'true']).status === 0) {
    return { ...plain, wrap: (command, args) => ['unshare', ...namespace, command, ...args] };
  }
  throw new MarqueeError(
    'MARQUEE_STACK_FAILED',
    'Postgres refuses to run as root and this machine refuses user namespaces; run ./marquee as another user',
  );
}
