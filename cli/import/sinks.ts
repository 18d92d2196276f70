import type { MarqueeError } from '../../common/error.ts';
import type { Movie } from '../../schemas/generated/types.ts';
import { createProducer } from '../../sdk/src/index.ts';
import type { Delivery } from '../../sdk/src/index.ts';
import { createPublisher } from '../../sdk/src/publisher.ts';
import type { Publisher } from '../../sdk/src/publisher.ts';
import type { ImportEvent } from './import-source.ts';

export interface Delivered {
  readonly sent: number;
  readonly acked: number;
  readonly failed: number;
  /** Of the first that failed. */
  readonly error: Error | null;
}

/** One way to Kafka, with counts of its own: so what is acknowledged is known by kind. */
export interface Sink<T> {
  /** Null when there is room for more; else what to wait for. */
  send(item: T): Promise<void> | null;
  counts(): Delivered;
  /** Waits until everything is acknowledged or has failed. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface SinkOptions {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** Told of a broker or registry that is away, at each try. */
  onFault(error: MarqueeError): void;
}

/** From the call to the acknowledgement; then an event counts as failed. */
const DELIVERY_TIMEOUT_MS = 120_000;
const CLOSE_TIMEOUT_MS = 5_000;
/** Events after which a sender looks whether it must slow down: far fewer than the buffer holds. */
const LOOK_EVERY = 256;

/** Emits actions and serves as an app does. */
export function openEventSink(app: string, options: SinkOptions): Sink<ImportEvent> {
  const producer = createProducer({
    ...options,
    app,
    deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
    // The command ends by itself on a signal, and closes the producer.
    drainOnSigterm: false,
  });
  return createSink(producer, (event) =>
    event.kind === 'action' ? producer.emit(event.action) : producer.serve(event.serve),
  );
}

export function openCatalogueSink(options: SinkOptions): Sink<Movie> {
  const publisher = createPublisher(
    { ...options, clientId: 'marquee-import', deliveryTimeoutMs: DELIVERY_TIMEOUT_MS },
    ['movies.v1'],
  );
  return createSink(publisher, (movie) =>
    publisher.publish('movies.v1', String(movie.movie_id), movie),
  );
}

function createSink<T>(
  client: Pick<Publisher, 'counts' | 'flush' | 'close'>,
  emit: (item: T) => Delivery,
): Sink<T> {
  let sent = 0;
  let error: Error | null = null;
  let last: Delivery | null = null;
  // What fails, fails by the thousand (time is up, Kafka refuses): one in so many tells why.
  const watch = (delivery: Delivery): void => {
    delivery.delivered.catch((cause: unknown) => {
      error ??= cause as Error;
    });
  };
  return {
    send(item) {
      last = emit(item);
      sent += 1;
      if (sent % LOOK_EVERY !== 0) return null;
      watch(last);
      // Also lets answers of Kafka in, which a loop of resolved promises would keep waiting.
      return last.accepted.then(() => new Promise((resolve) => setImmediate(resolve)));
    },
    counts() {
      const { acked, failed, rejected } = client.counts();
      return { sent, acked, failed: failed + rejected, error };
    },
    async flush() {
      if (last !== null) watch(last);
      await client.flush();
    },
    close: () => client.close({ timeoutMs: CLOSE_TIMEOUT_MS }),
  };
}
