import { MarqueeError } from '../common/error.ts';
import { createBackoff } from '../common/backoff.ts';
import type { ArchiveContext } from './context.ts';

/**
 * Works until it is done. A fault that may pass is tried again, with growing pauses, until the
 * operator's patience ends; what `work` has recorded by then stays.
 */
export async function retryUntilPatienceEnds<T>(
  context: Pick<ArchiveContext, 'settings' | 'log' | 'signal'>,
  work: () => Promise<T>,
): Promise<T> {
  const patience = new AbortController();
  const timer = setTimeout(() => {
    patience.abort();
  }, context.settings.patienceMs);
  const backoff = createBackoff(500, 10_000, patience.signal);
  try {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const passing = error instanceof MarqueeError && error.retriable;
        if (!passing || patience.signal.aborted || context.signal?.aborted === true) throw error;
        context.log.warn({ event: 'archive_retry', code: error.code, reason: error.message });
        await backoff.wait();
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
