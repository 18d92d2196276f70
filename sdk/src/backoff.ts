export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** The pause before the n-th retry (from 1): doubling to the maximum, half of it by chance. */
export function backoffMs({ firstMs, maxMs }: BackoffOptions, attempt: number): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 20));
  return full * (0.5 + Math.random() / 2);
}

/** Resolves after the pause, or at once when there is none or when aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || !(ms > 0)) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
