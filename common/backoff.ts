import { setTimeout as sleep } from 'node:timers/promises';

export interface Backoff {
  /** Waits; longer each time, with jitter, up to the bound. Ends early when aborted. */
  wait(): Promise<void>;
  reset(): void;
  readonly attempts: number;
}

/** Exponential back-off with full jitter over the upper half, so that processes spread out. */
export function createBackoff(firstMs: number, maxMs: number, signal: AbortSignal): Backoff {
  let attempts = 0;
  return {
    get attempts() {
      return attempts;
    },
    async wait() {
      const bound = Math.min(maxMs, firstMs * 2 ** attempts++);
      const ms = bound / 2 + (Math.random() * bound) / 2;
      await sleep(ms, undefined, { signal }).catch(() => undefined);
    },
    reset() {
      attempts = 0;
    },
  };
}
