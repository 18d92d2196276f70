import type { SASLOptions } from 'kafkajs';
import { MarqueeError } from '../../common/error.ts';
import { settledWithin } from '../../common/timers.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import type { TopicRecords } from '../../schemas/generated/types.ts';
import type { BufferedRecord } from './buffered-record.ts';
import type { ClusterOptions } from './cluster.ts';
import type { Delivery, DeliveryReport } from './delivery.ts';
import { createEncodeTargets } from './encode-targets.ts';
import { createEncoder } from './encoder.ts';
import { createFlushEpochs } from './flush-epochs.ts';
import { createRecordBuffer } from './record-buffer.ts';
import type { Counts } from './record-buffer.ts';
import { createSchemaIds } from './schema-ids.ts';
import { createSender } from './sender.ts';

export interface PublisherOptions {
  readonly brokers: readonly string[];
  /** Base of a registry with Confluent's API. Needed by `publish`, not by `publishBytes`. */
  readonly registryUrl: string;
  readonly clientId: string;
  readonly ssl?: ClusterOptions['ssl'];
  readonly sasl?: SASLOptions | undefined;
  /** Events in memory, and the bytes they take there. */
  readonly maxBufferedEvents?: number | undefined;
  readonly maxBufferedBytes?: number | undefined;
  /**
   * When the buffer is full: `wait` takes as many again, and their `accepted` waits for room; await
   * it to slow down. `reject` takes none. What is too much fails with MARQUEE_BUFFER_FULL.
   */
  readonly whenFull?: 'wait' | 'reject' | undefined;
  /** Longest wait of a batch's first event for company, in milliseconds. */
  readonly lingerMs?: number | undefined;
  /** Of one partition's batch, before compression. */
  readonly batchBytes?: number | undefined;
  readonly batchEvents?: number | undefined;
  /**
   * Batches above so many bytes are not compressed: that is most of what sending costs, for who
   * comes to large batches by much load. All are when not given.
   */
  readonly gzipBytesMax?: number | undefined;
  /** From call to acknowledgement, in milliseconds; by default as long as it takes. */
  readonly deliveryTimeoutMs?: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
  readonly requestTimeoutMs?: number | undefined;
  /** Pauses between retries: from, to, in milliseconds. */
  readonly retryFirstMs?: number | undefined;
  readonly retryMaxMs?: number | undefined;
  /** Told of each fault that is being retried (a broker away): for the application's log. */
  readonly onFault?: ((error: MarqueeError) => void) | undefined;
}

/** Writes records to topics of schemas/; also for the import and for processors' outboxes. */
export interface Publisher {
  /** Resolves when the topics given at creation can be written to; waits as long as that takes. */
  readonly ready: Promise<void>;
  /** Throws MARQUEE_ENCODE_FAILED when the value does not fit the schema, MARQUEE_CLOSED. */
  publish<K extends TopicName>(topic: K, key: string, value: TopicRecords[K] | null): Delivery;
  /** Bytes as they are, on any topic: for tools that resend or test. */
  publishBytes(
    topic: string,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers?: Readonly<Record<string, Uint8Array>>,
  ): Delivery;
  /** Sends at once; resolves when all that was handed over before is acknowledged or has failed. */
  flush(): Promise<void>;
  /**
   * Takes nothing more, flushes, and closes the connections. What is not acknowledged after
   * `timeoutMs` (30 s) fails with MARQUEE_CLOSED. Never rejects; a second call waits for the first.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  counts(): Counts;
}

const CLOSE_TIMEOUT_MS = 30_000;

export function createPublisher(given: PublisherOptions, topics: readonly TopicName[]): Publisher {
  const options = withDefaults(given);
  const encoder = createEncoder();
  const epochs = createFlushEpochs();
  const buffer = createRecordBuffer(options.buffer, epochs);
  const schemaIds = createSchemaIds(options.registry);
  const targets = createEncodeTargets(schemaIds, () => sender.wakeup());
  const sender = createSender({
    ...options.sender,
    schemaId: targets.schemaId,
    settled(records, error) {
      buffer.settle(records, error);
      endFlushes();
    },
    retried: buffer.countRetried,
  });
  let closing: Promise<void> | null = null;

  /** Null when there is no room even to wait. */
  function admit(): DeliveryReport | null {
    if (closing === null) return buffer.admit();
    throw new MarqueeError('MARQUEE_CLOSED', 'the producer was closed: it takes no more events');
  }

  function enqueue(record: BufferedRecord): Delivery {
    buffer.add(record);
    sender.push(record);
    return record.report;
  }

  function endFlushes(): void {
    if (!epochs.resolveSettled()) sender.setFlushing(false);
  }

  function flush(): Promise<void> {
    if (buffer.counts().buffered === 0) return Promise.resolve();
    const flushed = epochs.flush();
    sender.setFlushing(true);
    endFlushes();
    return flushed;
  }

  async function flushAndStop(timeoutMs: number): Promise<void> {
    await settledWithin(timeoutMs, flush());
    schemaIds.stop();
    const message = `the producer was closed before this event was acknowledged`;
    await sender.stop(new MarqueeError('MARQUEE_CLOSED', message)).catch(() => undefined);
  }

  const reached = topics.flatMap((topic) => [sender.reachable(topic), targets.of(topic).found]);

  return {
    ready: Promise.all(reached).then(() => undefined),
    publish(topic, key, value) {
      const report = admit();
      if (report === null) return buffer.reject();
      if (value !== null) return enqueue(encoder.value(targets.of(topic), key, value, report));
      return enqueue(encoder.bytes(topic, Buffer.from(key), null, [], report));
    },
    publishBytes(topic, key, value, headers = {}) {
      const report = admit();
      if (report === null) return buffer.reject();
      return enqueue(encoder.bytes(topic, key, value, Object.entries(headers), report));
    },
    flush,
    close({ timeoutMs = CLOSE_TIMEOUT_MS } = {}) {
      closing ??= flushAndStop(timeoutMs);
      return closing;
    },
    counts: buffer.counts,
  };
}

/** The options of each part, with what was not given filled in. */
function withDefaults(options: PublisherOptions) {
  const { brokers, clientId, ssl, sasl, registryUrl } = options;
  const retryFirstMs = options.retryFirstMs ?? 100;
  const retryMaxMs = options.retryMaxMs ?? 5_000;
  const connectTimeoutMs = options.connectTimeoutMs ?? 5_000;
  const fault = (error: MarqueeError): void => {
    options.onFault?.(error);
  };
  return {
    buffer: {
      eventsMax: options.maxBufferedEvents ?? 50_000,
      bytesMax: options.maxBufferedBytes ?? 64 * 1024 * 1024,
      whenFull: options.whenFull ?? 'wait',
    },
    registry: {
      registryUrl,
      backoff: { firstMs: retryFirstMs, maxMs: retryMaxMs },
      timeoutMs: connectTimeoutMs,
      fault,
    },
    sender: {
      brokers,
      clientId,
      ssl,
      sasl,
      connectTimeoutMs,
      retryFirstMs,
      retryMaxMs,
      fault,
      requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
      lingerMs: options.lingerMs ?? 5,
      batchBytesMax: options.batchBytes ?? 256 * 1024,
      batchEventsMax: options.batchEvents ?? 10_000,
      gzipBytesMax: options.gzipBytesMax,
      deliveryTimeoutMs: options.deliveryTimeoutMs ?? Infinity,
    },
  };
}
