import kafkajs from 'kafkajs';
import './kafkajs-quiet.ts';
import type { Codec, TopicWriter } from '../registry/codec.ts';
import { MarqueeError } from '../../schemas/error.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';

export interface Message {
  readonly key: string;
  /** Null is a tombstone. */
  readonly value: unknown;
}

export interface Publisher {
  /** Resolves when all in-sync replicas have the messages. */
  publish(topic: TopicName, messages: readonly Message[]): Promise<void>;
  close(): Promise<void>;
}

/** kafkajs sends one request per call and partition; this many messages fit one comfortably. */
const CHUNK_MESSAGES = 2_000;

/** Encodes by the registry and publishes, for outboxes and tools. Connects at the first call. */
export function createPublisher(options: {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly codec: Codec;
}): Publisher {
  const kafka = new kafkajs.Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    logCreator: () => () => undefined, // faults reach the caller as errors
    retry: { retries: 3 },
  });
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  const writers = new Map<TopicName, Promise<TopicWriter<unknown>>>();
  let connected: Promise<void> | null = null;

  function writerOf(topic: TopicName): Promise<TopicWriter<unknown>> {
    let writer = writers.get(topic);
    if (writer === undefined) {
      writer = options.codec.writer(topic) as Promise<TopicWriter<unknown>>;
      writers.set(topic, writer);
      writer.catch(() => writers.delete(topic));
    }
    return writer;
  }

  return {
    async publish(topic, messages) {
      const writer = await writerOf(topic);
      const encoded = messages.map(({ key, value }) => ({
        key,
        value: value === null ? null : writer.encode(value),
      }));
      try {
        await (connected ??= producer.connect());
        for (let at = 0; at < encoded.length; at += CHUNK_MESSAGES)
          await producer.send({
            topic,
            acks: -1,
            compression: kafkajs.CompressionTypes.GZIP,
            messages: encoded.slice(at, at + CHUNK_MESSAGES),
          });
      } catch (cause) {
        connected = null;
        throw new MarqueeError(
          'MARQUEE_KAFKA_UNAVAILABLE',
          `publishing to ${topic}: ${(cause as Error).message}`,
          { cause, retriable: true },
        );
      }
    },
    async close() {
      await connected?.catch(() => undefined);
      await producer.disconnect().catch(() => undefined);
    },
  };
}
