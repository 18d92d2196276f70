import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { MarqueeError } from '../../../common/error.ts';
import type { ServiceContext } from './service.ts';

/** The way to start a program that refuses to be root. */
export interface Unprivileged {
  /** Its data: below the home, or where the other user can read and write. */
  readonly dataDir: string;
  readonly programs: string;
  /** Set where another user is to run it. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  wrap(command: string, args: readonly string[]): [string, ...string[]];
}

const namespace = ['--user', '--map-user=1000', '--map-group=1000'];
/** Users that may stand in for root, best first. */
const standIns = ['postgres', 'nobody'];
const sharedFolder = '/var/tmp';

/** True where this machine lets root make a user namespace in which it is somebody else. */
export function canMapUser(): boolean {
  return spawnSync('unshare', [...namespace, 'true']).status === 0;
}

/**
 * Postgres refuses root. Inside a user namespace in which root's files belong to user 1000 it runs
 * from any folder, one that only root can read included. Where namespaces are refused it runs as
 * another user, from a folder that this user may read.
 */
export function asUnprivileged(context: ServiceContext, programsRoot: string): Unprivileged {
  const dataDir = join(context.dataDir, 'data');
  const plain = { dataDir, programs: context.programs };
  if (process.getuid?.() !== 0) return { ...plain, wrap: (command, args) => [command, ...args] };
  if (canMapUser()) {
    return { ...plain, wrap: (command, args) => ['unshare', ...namespace, command, ...args] };
  }
  return asOtherUser(context, programsRoot);
}

function asOtherUser(context: ServiceContext, programsRoot: string): Unprivileged {
  const name = standIns.find((user) => idOf('-u', user) !== null);
  const uid = idOf('-u', name ?? '');
  const gid = idOf('-g', name ?? '');
  if (name === undefined || uid === null || gid === null) {
    throw new MarqueeError(
      'MARQUEE_STACK_FAILED',
      'Postgres refuses to run as root, this machine refuses user namespaces, and it has no user ' +
        `${standIns.join(' or ')} to stand in. To do: run ./marquee as a user who is not root.`,
    );
  }
  const id = createHash('sha256').update(context.home).digest('hex').slice(0, 12);
  const base = join(sharedFolder, `marquee-${id}`);
  mkdirSync(base, { recursive: true, mode: 0o711 });
  const copy = join(base, 'programs');
  if (!existsSync(copy)) {
    const part = `${copy}.part`;
    rmSync(part, { recursive: true, force: true });
    cpSync(programsRoot, part, { recursive: true, verbatimSymlinks: true });
    chmodSync(part, 0o755);
    renameSync(part, copy);
  }
  const own = join(base, 'own');
  mkdirSync(own, { recursive: true, mode: 0o700 });
  chownSync(own, uid, gid);
  // Whoever looks into the home, or removes it, finds where the data went.
  const pointer = join(context.dataDir, 'elsewhere');
  rmSync(pointer, { force: true });
  symlinkSync(base, pointer);
  context.note(
    `postgres: runs as user ${name} with its data in ${own}, since this machine refuses user namespaces`,
  );
  return {
    dataDir: join(own, 'data'),
    programs: join(copy, relative(programsRoot, context.programs)),
    owner: { uid, gid },
    wrap: (command, args) => [command, ...args],
  };
}

function idOf(flag: '-u' | '-g', user: string): number | null {
  if (user === '') return null;
  const { status, stdout } = spawnSync('id', [flag, user], { encoding: 'utf8' });
  return status === 0 ? Number(stdout.trim()) : null;
}
