import type { SASLOptions } from 'kafkajs';
import { MarqueeError } from '../../common/error.ts';
import { settledWithin } from '../../common/timers.ts';
import { AVRO_SCHEMAS } from '../../schemas/generated/avro.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import type { TopicRecords } from '../../schemas/generated/types.ts';
import { parseAvro } from '../../schemas/strict-avro.ts';
import { createEncoder } from './encoder.ts';
import type { EncodeTarget } from './encoder.ts';
import { costOf } from './buffered-record.ts';
import type { BufferedRecord } from './buffered-record.ts';
import { createFifo } from './fifo.ts';
import type { ClusterOptions } from './cluster.ts';
import type { Header } from '../../common/kafka/record-batch-encoder.ts';
import { DeliveryReport } from './delivery.ts';
import type { Delivery, Epoch } from './delivery.ts';
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
  /** How long the first event of a batch waits for company, in milliseconds. */
  readonly lingerMs?: number | undefined;
  /** Of one partition's batch, before compression. */
  readonly batchBytes?: number | undefined;
  readonly batchEvents?: number | undefined;
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

export interface Counts {
  /** Events taken in: acked + failed + buffered. */
  readonly queued: number;
  readonly acked: number;
  /** Taken in and given up: refused by Kafka, out of time, or left at close. */
  readonly failed: number;
  /** Events that were sent once more; one event may count often. */
  readonly retried: number;
  /** In memory now. */
  readonly buffered: number;
  readonly bufferedBytes: number;
  /** Never taken in, the buffer being full. */
  readonly rejected: number;
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
   * `timeoutMs` (30 s) fails with MARQUEE_CLOSED. Never rejects; the second call waits for the first.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  counts(): Counts;
}

interface Target extends EncodeTarget {
  schemaId: number | null;
  readonly found: Promise<void>;
}

interface Flush {
  readonly epoch: Epoch;
  done(): void;
}

const CLOSE_TIMEOUT_MS = 30_000;

export function createPublisher(
  options: PublisherOptions,
  topics: readonly TopicName[],
): Publisher {
  const eventsMax = options.maxBufferedEvents ?? 50_000;
  const bytesMax = options.maxBufferedBytes ?? 64 * 1024 * 1024;
  // What may wait beyond the buffer is bounded too.
  const slack = (options.whenFull ?? 'wait') === 'wait' ? 2 : 1;
  const retryFirstMs = options.retryFirstMs ?? 100;
  const retryMaxMs = options.retryMaxMs ?? 5_000;
  const targets = new Map<string, Target>();
  const encoder = createEncoder();
  const waiting = createFifo<DeliveryReport>();
  /** Epochs that a flush waits for, oldest first. */
  const flushes = createFifo<Flush>();
  const count = { queued: 0, acked: 0, failed: 0, retried: 0, rejected: 0 };
  let epoch: Epoch = { open: 0 };
  let bufferedBytes = 0;
  let closing: Promise<void> | null = null;

  const fault = (error: MarqueeError): void => {
    options.onFault?.(error);
  };
  const schemaIds = createSchemaIds({
    registryUrl: options.registryUrl,
    backoff: { firstMs: retryFirstMs, maxMs: retryMaxMs },
    timeoutMs: options.connectTimeoutMs ?? 5_000,
    fault,
  });
  const sender = createSender({
    brokers: options.brokers,
    clientId: options.clientId,
    ssl: options.ssl,
    sasl: options.sasl,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    lingerMs: options.lingerMs ?? 5,
    batchBytesMax: options.batchBytes ?? 256 * 1024,
    batchEventsMax: options.batchEvents ?? 10_000,
    deliveryTimeoutMs: options.deliveryTimeoutMs ?? Infinity,
    retryFirstMs,
    retryMaxMs,
    // A topic that only bytes were written to has no target, and needs no schema.
    schemaId: (topic) => (targets.has(topic) ? (targets.get(topic)?.schemaId ?? null) : -1),
    settled,
    retried(events) {
      count.retried += events;
    },
    fault,
  });

  function targetOf(topic: TopicName): Target {
    const found = targets.get(topic);
    if (found !== undefined) return found;
    const text = newestSchema(topic);
    const target: Target = {
      topic,
      type: parseAvro(text),
      schemaId: null,
      found: schemaIds.find(TOPICS[topic].subject, text).then((id) => {
        target.schemaId = id;
        sender.wakeup();
      }),
    };
    targets.set(topic, target);
    return target;
  }

  function buffered(): number {
    return count.queued - count.acked - count.failed;
  }

  /** A receipt for one more event, or null when there is no room even to wait. */
  function admit(): DeliveryReport | null {
    if (closing !== null) {
      throw new MarqueeError('MARQUEE_CLOSED', 'the producer was closed: it takes no more events');
    }
    const events = buffered();
    if (events < eventsMax && bufferedBytes < bytesMax)
      return new DeliveryReport('accepted', epoch);
    if (events < eventsMax * slack && bufferedBytes < bytesMax * slack) {
      return slack === 1 ? null : new DeliveryReport('waiting', epoch);
    }
    return null;
  }

  function refuse(): Delivery {
    count.rejected += 1;
    const receipt = new DeliveryReport('waiting', epoch);
    const held = `${String(buffered())} events, ${String(bufferedBytes)} bytes`;
    const limits = `maxBufferedEvents ${String(eventsMax)}, maxBufferedBytes ${String(bytesMax)}`;
    const message = `the buffer is full (${held}; ${limits}): await accepted, or raise the limits`;
    receipt.fail(new MarqueeError('MARQUEE_BUFFER_FULL', message, { retriable: true }));
    return receipt;
  }

  function take(entry: BufferedRecord): Delivery {
    count.queued += 1;
    entry.report.epoch.open += 1;
    bufferedBytes += costOf(entry);
    if (entry.report.isWaiting()) waiting.push(entry.report);
    sender.push(entry);
    return entry.report;
  }

  function settled(entries: readonly BufferedRecord[], error: MarqueeError | null): void {
    for (const entry of entries) {
      bufferedBytes -= costOf(entry);
      entry.report.epoch.open -= 1;
      if (error === null) entry.report.deliver();
      else entry.report.fail(error);
    }
    if (error === null) count.acked += entries.length;
    else count.failed += entries.length;
    // First come, first served; those already acknowledged are passed over by `accept` itself.
    while (waiting.length > 0 && bufferedBytes < bytesMax) {
      if (buffered() - waiting.length >= eventsMax) break;
      waiting.shift()?.accept();
    }
    endFlushes();
  }

  function endFlushes(): void {
    for (let next = flushes.peek(); next?.epoch.open === 0; next = flushes.peek()) {
      flushes.shift();
      next.done();
    }
    if (flushes.length === 0) sender.setFlushing(false);
  }

  function flush(): Promise<void> {
    if (buffered() === 0) return Promise.resolve();
    return new Promise((done) => {
      flushes.push({ epoch, done });
      epoch = { open: 0 };
      sender.setFlushing(true);
      endFlushes();
    });
  }

  async function shut(timeoutMs: number): Promise<void> {
    await settledWithin(timeoutMs, flush());
    schemaIds.stop();
    const message = `the producer was closed before this event was acknowledged`;
    await sender.stop(new MarqueeError('MARQUEE_CLOSED', message)).catch(() => undefined);
  }

  const ready = Promise.all(
    topics.flatMap((topic) => [sender.reachable(topic), targetOf(topic).found]),
  ).then(() => undefined);

  return {
    ready,
    publish(topic, key, value) {
      const receipt = admit();
      if (receipt === null) return refuse();
      if (value !== null) return take(encoder.value(targetOf(topic), key, value, receipt));
      return take(encoder.bytes(topic, Buffer.from(key), null, [], receipt));
    },
    publishBytes(topic, key, value, headers = {}) {
      const receipt = admit();
      if (receipt === null) return refuse();
      const list: Header[] = Object.entries(headers);
      return take(encoder.bytes(topic, key, value, list, receipt));
    },
    flush,
    close({ timeoutMs = CLOSE_TIMEOUT_MS } = {}) {
      closing ??= shut(timeoutMs);
      return closing;
    },
    counts() {
      return { ...count, buffered: buffered(), bufferedBytes };
    },
  };
}

/** The newest schema of a topic in this build, as the text that is registered. */
function newestSchema(topic: TopicName): string {
  const schemas: Readonly<Record<number, string>> = AVRO_SCHEMAS[topic];
  const version = TOPICS[topic].versions.at(-1) ?? 0;
  const text = schemas[version];
  if (text === undefined) throw new TypeError(`${topic} has no schema`);
  return text;
}
