import { createBackoff } from './backoff.ts';
import type { BackoffOptions } from './backoff.ts';
import { MarqueeError } from './error.ts';

export interface RetryUntilOptions {
  readonly backoff: BackoffOptions;
  /** It is tried on for so long, in milliseconds. */
  readonly patienceMs: number;
  /** When aborted, the next fault ends it. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each fault that is tried again. */
  retrying(error: MarqueeError): void;
}

/**
 * Works until it is done. A retriable MarqueeError is tried again, with growing pauses, until the
 * patience ends; then, and on any other fault, throws it. What `work` has done by then stays.
 */
export async function retryUntil<T>(
  options: RetryUntilOptions,
  work: () => Promise<T>,
): Promise<T> {
  const patience = new AbortController();
  const timer = setTimeout(() => {
    patience.abort();
  }, options.patienceMs);
  const backoff = createBackoff(options.backoff, patience.signal);
  try {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const passing = error instanceof MarqueeError && error.retriable;
        if (!passing || patience.signal.aborted || options.signal?.aborted === true) throw error;
        options.retrying(error);
        await backoff.wait();
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
