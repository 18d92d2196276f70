export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The pause before the n-th retry (from 1), in milliseconds: exponential with "equal jitter", so
 * between half of the bound and all of it
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export function backoffMs({ firstMs, maxMs }: BackoffOptions, attempt: number): number {
  const bound = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return bound * (0.5 + Math.random() / 2);
}

/** Resolves after the pause, or at once when there is none or when aborted; never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true || !(ms > 0)) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

/** The pauses between the tries of one piece of work. */
export interface Backoff {
  /** Waits; longer each time, up to the bound. Ends early when aborted. */
  wait(): Promise<void>;
  reset(): void;
  readonly attempts: number;
}

export function createBackoff(options: BackoffOptions, signal: AbortSignal): Backoff {
  let attempts = 0;
  return {
    get attempts() {
      return attempts;
    },
    wait: () => pause(backoffMs(options, ++attempts), signal),
    reset() {
      attempts = 0;
    },
  };
}
