import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MarqueeError } from '../../common/error.ts';

const TRIES = 10;
let taken = 0;

/**
 * Takes a spool's folder for this process, and returns the way to give it back. The file names the
 * process, so what a killed one left is taken over. Throws MARQUEE_SPOOL_IN_USE while its process
 * lives.
 */
export function lockSpool(folder: string): () => void {
  const lock = join(folder, 'lock');
  const own = `${lock}.${process.pid}.${(taken += 1)}`;
  const self = describeProcess(process.pid);
  writeFileSync(own, self);
  try {
    for (let tries = 0; !linked(own, lock); tries += 1) {
      const holder = readOrNull(lock);
      if (tries >= TRIES || (holder !== null && isAlive(holder))) throw inUse(folder, holder);
      if (holder !== null) removeStale(lock, holder, `${own}.stale`);
    }
  } finally {
    unlinkSync(own);
  }
  return () => {
    if (readOrNull(lock) === self) unlinkSync(lock);
  };
}

/** A link appears whole, with its content, or not at all. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Another may have been quicker to take over: then its lock is put back. */
function removeStale(lock: string, stale: string, aside: string): void {
  try {
    renameSync(lock, aside);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  if (readOrNull(aside) !== stale) linked(aside, lock);
  unlinkSync(aside);
}

/** Pid, when it began (ticks since boot) and which boot: a pid alone may be another's by now. */
function describeProcess(pid: number): string {
  return `${pid} ${startOf(pid)} ${bootId()}\n`;
}

function isAlive(holder: string): boolean {
  const [pid = '', start = '', boot = ''] = holder.trim().split(' ');
  if (!/^[1-9]\d*$/.test(pid) || boot !== bootId()) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (isCode(error, 'ESRCH')) return false;
  }
  return start === startOf(Number(pid));
}

/** `unknown` where there is no /proc: then the pid alone decides. */
function startOf(pid: number): string {
  const stat = readOrNull(`/proc/${pid}/stat`);
  // The name in brackets may hold anything; the 20th field behind it is the time.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'unknown';
}

function bootId(): string {
  return readOrNull('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown';
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

function inUse(folder: string, holder: string | null): MarqueeError {
  const pid = holder?.split(' ')[0] ?? 'unknown';
  return new MarqueeError(
    'MARQUEE_SPOOL_IN_USE',
    `the spool ${folder} belongs to process ${pid}, which is running: ` +
      'end that process, or give this one a folder of its own',
    { field: 'folder' },
  );
}
