import { every } from '../../../common/timers.ts';
import type { Log } from '../../../common/log.ts';
import type { ApiKey } from './api-key.ts';
import type { KeyCopy } from './key-copy.ts';

/** All keys in memory: what a request is held against needs no server. */
export interface KeyRing {
  find(keyId: string): ApiKey | undefined;
  /** False while neither Postgres nor the copy on disk could be read: no key can be told then. */
  isKnown(): boolean;
  status(): KeyRingStatus;
  close(): Promise<void>;
}

export interface KeyRingStatus {
  /** Keys that hold. */
  readonly keys: number;
  /** Epoch ms of the last look at Postgres that succeeded; null before the first. */
  readonly readAtMs: number | null;
  /** Why the last look failed; null when it did not. */
  readonly fault: string | null;
}

export interface KeySource {
  /** What changed since then; all with null. Rejects while Postgres is away. */
  read(sinceMs: number | null): Promise<readonly ApiKey[]>;
  close(): Promise<void>;
}

/**
 * Reads the keys, from the copy when Postgres is away, and then what changes, every `refreshMs`.
 * While Postgres is away the keys stay as they were: nobody can withdraw one then.
 */
export async function openKeyRing(options: {
  readonly source: KeySource;
  readonly copy: KeyCopy;
  readonly log: Log;
  readonly refreshMs: number;
}): Promise<KeyRing> {
  const { source, copy, log } = options;
  let keys: ReadonlyMap<string, ApiKey> = new Map();
  let isKnown = false;
  let sinceMs: number | null = null;
  let readAtMs: number | null = null;
  let fault: string | null = null;

  function take(changed: readonly ApiKey[]): boolean {
    const next = new Map(keys);
    let isNew = false;
    for (const key of changed) {
      sinceMs = Math.max(sinceMs ?? 0, key.changedAtMs);
      if (next.get(key.keyId)?.changedAtMs === key.changedAtMs) continue;
      next.set(key.keyId, key);
      isNew = true;
    }
    if (isNew) keys = next;
    return isNew;
  }

  async function refresh(): Promise<void> {
    let isNew: boolean;
    try {
      isNew = take(await source.read(readAtMs === null ? null : sinceMs));
    } catch (error) {
      if (fault === null) log.warn({ event: 'keys_unread', reason: (error as Error).message });
      fault = (error as Error).message;
      return;
    }
    const isFirst = readAtMs === null;
    readAtMs = Date.now();
    isKnown = true;
    if (fault !== null) log.info({ event: 'keys_read_again' });
    fault = null;
    if (isFirst || isNew) await keepCopy();
  }

  async function keepCopy(): Promise<void> {
    try {
      await copy.write(keys.values());
    } catch (error) {
      log.warn({ event: 'keys_not_copied', reason: (error as Error).message });
    }
  }

  async function fallBack(): Promise<void> {
    try {
      const stored = await copy.read();
      if (stored === null) return;
      take(stored);
      isKnown = true;
      log.warn({ event: 'keys_from_copy', keys: keys.size });
    } catch (error) {
      log.warn({ event: 'keys_unread', reason: (error as Error).message });
    }
  }

  const known = (): boolean => isKnown;
  await refresh();
  if (!known()) await fallBack();
  let looking: Promise<void> = Promise.resolve();
  const end = every(
    options.refreshMs,
    () => (looking = refresh()),
    () => undefined, // refresh tells of its faults itself
  );
  return {
    find: (keyId) => keys.get(keyId),
    isKnown: known,
    status: () => ({
      keys: [...keys.values()].filter((key) => key.withdrawnAtMs === null).length,
      readAtMs,
      fault,
    }),
    async close() {
      end();
      await source.close();
      await looking;
    },
  };
}
