import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isRunning, processToken, type ProcessRecord } from './process.ts';

const pollIntervalMs = 100;
let sequence = 0;

/**
 * Runs `body` while no other process (nor another call in this one) holds the same lock. The lock
 * of a process that died is taken over. `onWait` is called once when somebody else holds it.
 */
export async function withLock<T>(
  file: string,
  body: () => Promise<T>,
  onWait: (holder: ProcessRecord) => void = () => undefined,
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  sequence += 1;
  const mine = `${file}.${process.pid}.${sequence}`;
  const record = { pid: process.pid, token: processToken(process.pid) ?? '', command: mine };
  writeFileSync(mine, JSON.stringify(record), { mode: 0o600 });
  try {
    let told = false;
    while (!tryLink(mine, file)) {
      const holder = readHolder(file);
      if (holder === null) continue;
      if (!isRunning(holder)) {
        removeStale(file, holder);
        continue;
      }
      if (!told) onWait(holder);
      told = true;
      await delay(pollIntervalMs);
    }
    try {
      return await body();
    } finally {
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** A link appears with its content or not at all, so a reader never sees half a record. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  }
}

function readHolder(file: string): ProcessRecord | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessRecord;
  } catch {
    return null;
  }
}

/** Two may see the same stale lock: whoever moved a live one by mistake puts it back. */
function removeStale(file: string, seen: ProcessRecord): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const moved = readHolder(aside);
  if (moved !== null && moved.command !== seen.command) tryLink(aside, file);
  rmSync(aside, { force: true });
}
