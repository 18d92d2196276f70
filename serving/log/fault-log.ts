import type { MarqueeError } from '../../common/error.ts';
import type { SpoolLog } from './losses.ts';

/** A fault is logged when it is new and then at most this often. */
const LOG_EVERY_MS = 10_000;

/** Says of faults that are retried what is new, and not every try. */
export function createFaultLog(folder: string, log: SpoolLog): (error: MarqueeError) => void {
  const loggedAt = new Map<string, number>();
  return (error) => {
    const now = performance.now();
    if (now - (loggedAt.get(error.code) ?? -Infinity) < LOG_EVERY_MS) return;
    loggedAt.set(error.code, now);
    log.warn({ event: 'serve_log_retrying', folder, code: error.code, reason: error.message });
  };
}
