import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { withLock } from '../host/lock.ts';
import type { Step } from '../../terminal/progress.ts';

/** The folders of a stack and the choices by which its programs are installed. */
export interface StackPlace {
  readonly home: string;
  readonly cache: string;
  readonly javaHome?: string | undefined;
  /** The S3 server; 'auto' takes MinIO where it is built already or Go is there. */
  readonly objectStore: 'auto' | 'minio' | 'seaweedfs' | 'none';
}

export interface InstallContext extends StackPlace {
  readonly step: Step;
  /** One line for the user about something that isn't as usual. */
  readonly note: (text: string) => void;
}

/** As much of it as an installation itself needs. */
export type InstallPlace = Pick<InstallContext, 'cache' | 'step'>;

/**
 * Makes <cache>/<name> by `build(folder)` unless it is there. The folder appears under its name
 * only when it is complete; two processes never build the same one. Returns its path.
 */
export async function installOnce(
  context: InstallPlace,
  name: string,
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const target = join(context.cache, name);
  if (existsSync(target)) return target;
  const lockFile = join(context.cache, 'locks', `${name.replaceAll('/', '_')}.lock`);
  await withLock(
    lockFile,
    async () => {
      if (existsSync(target)) return;
      const parent = dirname(target);
      mkdirSync(parent, { recursive: true });
      for (const left of readdirSync(parent)) {
        if (join(parent, left).startsWith(`${target}.part-`)) {
          rmSync(join(parent, left), { recursive: true, force: true });
        }
      }
      const part = `${target}.part-${process.pid}`;
      mkdirSync(part);
      await build(part);
      renameSync(part, target);
    },
    (holder) => {
      context.step.update(`waiting for process ${holder.pid}, which installs the same`);
    },
  );
  return target;
}

export function installLog(context: InstallPlace, name: string): string {
  return join(context.cache, 'logs', `${name}.log`);
}
