import type { Session } from '../../../connectors/postgres/session.ts';
import { MarqueeError } from '../../../common/error.ts';
import type { Outbox, Publish } from '../declared.ts';
import { createBackoff } from '../../../common/backoff.ts';
import { settledWithin } from '../../../common/timers.ts';
import type { ReportRetry } from '../observe/retry-status.ts';

export interface OutboxRelay {
  /** Something may be due. */
  wake(): void;
  run(): Promise<void>;
  /** Empties what is due (within the bound) and stops. */
  stop(withinMs: number): Promise<void>;
}

export interface OutboxRelayOptions {
  openSession(): Promise<Session>;
  readonly publish: Publish;
  readonly outboxes: ReadonlyMap<string, Outbox>;
  published(outbox: string, count: number): void;
  /** A fault that is being retried; null when it is over. */
  readonly retrying: ReportRetry;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
}

/** Publishes outboxes after commits, beside the batches, over a session of its own. */
export function createOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const stopping = new AbortController();
  let pending = true; // leftovers of an earlier process
  let wakeUp: (() => void) | null = null;
  let finished: Promise<void> = Promise.resolve();

  async function relayAll(session: Session): Promise<void> {
    for (const [name, outbox] of options.outboxes) {
      for (;;) {
        const count = await outbox.relay(session, (messages) =>
          options.publish(outbox.topic, messages),
        );
        if (count === 0) break;
        options.published(name, count);
      }
    }
  }

  async function loop(): Promise<void> {
    const backoff = createBackoff(
      { firstMs: options.retryFirstMs, maxMs: options.retryMaxMs },
      stopping.signal,
    );
    let session = null as Session | null;
    try {
      for (;;) {
        if (!pending) {
          if (stopping.signal.aborted) return;
          await new Promise<void>((resolve) => {
            wakeUp = resolve;
          });
          wakeUp = null;
          continue;
        }
        pending = false;
        try {
          if (session?.usable() !== true) session = await options.openSession();
          await relayAll(session);
          backoff.reset();
          options.retrying(null);
        } catch (error) {
          pending = true;
          options.retrying(
            error instanceof MarqueeError
              ? error
              : new MarqueeError('MARQUEE_PUBLISH_FAILED', String(error), {
                  cause: error,
                  retriable: true,
                }),
          );
          if (stopping.signal.aborted) return; // what is left goes out at the next start
          await backoff.wait();
        }
      }
    } finally {
      await session?.close();
    }
  }

  return {
    wake() {
      pending = true;
      wakeUp?.();
    },
    run() {
      finished = loop();
      return finished;
    },
    async stop(withinMs) {
      pending = true;
      stopping.abort();
      wakeUp?.();
      await settledWithin(
        withinMs,
        finished.catch(() => undefined),
      );
    },
  };
}
