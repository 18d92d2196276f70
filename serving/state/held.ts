import { createSignal } from '../../common/signal.ts';
import { every } from '../../common/timers.ts';
import type { Log } from '../../common/log.ts';

/** Something that is read from elsewhere, whole, and held in memory until it changes there. */
export interface Held<T> {
  /** Null until it could be read once. What is returned never changes. */
  current(): T | null;
  /** Epoch ms at which it was last known to be what stands there; null when never, or read from disk. */
  readonly asOf: number | null;
  /** Looks at once whether it changed; rejects when that can't be told. */
  refresh(): Promise<void>;
  /** Resolves when something is held, or after `ms`. */
  ready(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface HeldOptions<T> {
  /** For the log: model, catalogue. */
  readonly what: string;
  readonly pollMs: number;
  readonly log: Log;
  /** Names what stands there now: as long as it is the same, nothing is read. */
  token(): Promise<string>;
  /** Reads it; null when there is none. */
  load(token: string): Promise<T | null>;
  /** What was held when the process last ran, for a start without the place that it is read from. */
  restore?(): Promise<T | null>;
  /** Keeps it for `restore`. */
  keep?(value: T): Promise<void>;
}

/** Begins to read; a fault is logged when it begins and when it ends, and what is held stays meanwhile. */
export function createHeld<T>(options: HeldOptions<T>): Held<T> {
  const { what, log } = options;
  const arrived = createSignal();
  let value: T | null = null;
  let known: string | null = null;
  let asOf: number | null = null;
  let failing = false;
  let underWay: Promise<void> | null = null;

  const hold = (next: T | null): void => {
    value = next;
    arrived.raise();
  };

  async function look(): Promise<void> {
    const token = await options.token();
    if (token !== known) {
      const next = await options.load(token);
      hold(next);
      known = token;
      log.info({ event: 'state_loaded', what, token });
      if (next !== null)
        await options.keep?.(next).catch((error: unknown) => {
          log.warn({ event: 'state_not_kept', what, reason: (error as Error).message });
        });
    }
    asOf = Date.now();
    if (failing) log.info({ event: 'state_readable', what });
    failing = false;
  }

  const refresh = (): Promise<void> => {
    underWay ??= look().finally(() => {
      underWay = null;
    });
    return underWay;
  };

  const failed = (error: unknown): void => {
    if (failing) return;
    failing = true;
    const { code } = error as { code?: string };
    log.warn({ event: 'state_unreadable', what, code, reason: (error as Error).message });
  };

  async function begin(): Promise<void> {
    const kept = (await options.restore?.().catch(failed)) ?? null;
    if (kept !== null) hold(kept);
    await refresh().catch(failed);
  }

  const begun = begin();
  const end = every(options.pollMs, () => begun.then(refresh), failed);
  return {
    current: () => value,
    get asOf() {
      return asOf;
    },
    refresh,
    async ready(ms) {
      if (value === null) await Promise.race([arrived.wait(ms), begun]);
    },
    async close() {
      end();
      await begun;
      await underWay?.catch(() => undefined);
    },
  };
}
