import type { MarqueeError } from '../../schemas/error.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** A fault is logged when it is new and then at most this often. */
const LOG_EVERY_MS = 10_000;

export interface Trouble {
  /** A fault that is being retried; null when it is over. */
  report(error: MarqueeError | null): void;
  current(): string | null;
}

/** The world's faults that a processor is waiting out: said once, not at every try. */
export function createTrouble(name: string, log: Log, metrics: Metrics): Trouble {
  let now: { code: string; text: string; since: number; logged: number } | null = null;
  return {
    report(error) {
      const at = Date.now();
      if (error === null) {
        if (now !== null)
          log.info({
            event: 'trouble_over',
            processor: name,
            code: now.code,
            seconds: (at - now.since) / 1000,
          });
        now = null;
        return;
      }
      metrics.retries.inc({ processor: name, code: error.code });
      if (now?.code !== error.code)
        now = { code: error.code, text: error.message, since: now?.since ?? at, logged: 0 };
      if (at - now.logged < LOG_EVERY_MS) return;
      now.logged = at;
      log.warn({ event: 'retrying', processor: name, code: error.code, reason: error.message });
    },
    current: () => now?.text ?? null,
  };
}
