import type { MarqueeError } from '../../../common/error.ts';
import { createPublisher } from '../../../sdk/src/publisher.ts';
import type { UserAction } from '../../../schemas/generated/types.ts';

/** Where events go: the topic, by the SDK's publisher. */
export interface EventLog {
  /** True while so many more fit into the memory that waits for the broker. */
  hasRoom(events: number): boolean;
  /** Resolves when every in-sync replica has it; rejects with a MarqueeError. */
  append(event: UserAction): Promise<void>;
  status(): EventLogStatus;
  /** Takes nothing more, and waits for what is under way. */
  close(timeoutMs: number): Promise<void>;
}

export interface EventLogStatus {
  /** The topic and its schema were found. */
  readonly isReached: boolean;
  /** The fault that is being retried, since the last event that was stored; null for none. */
  readonly fault: string | null;
  readonly waiting: number;
}

const TOPIC = 'user-actions.v1';

export function openEventLog(options: {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** From the request to the acknowledgement. */
  readonly deliveryTimeoutMs: number;
  readonly eventsMax: number;
  readonly bytesMax: number;
  fault(error: MarqueeError): void;
}): EventLog {
  let isReached = false;
  let fault: string | null = null;
  const publisher = createPublisher(
    {
      brokers: options.brokers,
      registryUrl: options.registryUrl,
      clientId: 'marquee-api',
      maxBufferedEvents: options.eventsMax,
      maxBufferedBytes: options.bytesMax,
      whenFull: 'reject',
      deliveryTimeoutMs: options.deliveryTimeoutMs,
      retryMaxMs: 2_000,
      onFault(error) {
        fault = error.code;
        options.fault(error);
      },
    },
    [TOPIC],
  );
  publisher.ready.then(
    () => {
      isReached = true;
      fault = null;
    },
    () => undefined, // it was closed before
  );
  return {
    hasRoom(events) {
      const { buffered, bufferedBytes } = publisher.counts();
      return buffered + events <= options.eventsMax && bufferedBytes < options.bytesMax;
    },
    async append(event) {
      await publisher.publish(TOPIC, event.user_id, event).delivered;
      fault = null;
    },
    status: () => ({ isReached, fault, waiting: publisher.counts().buffered }),
    close: (timeoutMs) => publisher.close({ timeoutMs }),
  };
}
