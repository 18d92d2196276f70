import type { MarqueeError } from '../../../common/error.ts';
import type { Log } from '../../../common/log.ts';
import type { Metrics } from './metrics.ts';

/** A fault is logged when it is new and then at most this often. */
const LOG_EVERY_MS = 10_000;

/** A fault that is being retried; null when it is over. */
export type ReportRetry = (error: MarqueeError | null) => void;

export interface RetryStatus {
  /** One for each piece of work that retries by itself: what it reports holds until it reports null. */
  channel(): ReportRetry;
  current(): string | null;
}

/** The faults of servers that a processor is waiting out: said once, not at every try. */
export function createRetryStatus(name: string, log: Log, metrics: Metrics): RetryStatus {
  const faults = new Map<ReportRetry, MarqueeError>();
  const loggedAt = new Map<string, number>();
  let since = 0;

  function over(last: MarqueeError): void {
    const seconds = (Date.now() - since) / 1000;
    log.info({ event: 'retry_over', processor: name, code: last.code, seconds });
    loggedAt.clear();
  }

  function begin(channel: ReportRetry, error: MarqueeError): void {
    const at = Date.now();
    if (faults.size === 0) since = at;
    faults.set(channel, error);
    metrics.retries.inc({ processor: name, code: error.code });
    if (at - (loggedAt.get(error.code) ?? -Infinity) < LOG_EVERY_MS) return;
    loggedAt.set(error.code, at);
    log.warn({ event: 'retrying', processor: name, code: error.code, reason: error.message });
  }

  return {
    channel() {
      const report: ReportRetry = (error) => {
        if (error !== null) {
          begin(report, error);
          return;
        }
        const last = faults.get(report);
        faults.delete(report);
        if (last !== undefined && faults.size === 0) over(last);
      };
      return report;
    },
    current: () => faults.values().next().value?.message ?? null,
  };
}
