import kafkajs from 'kafkajs';
import '../../common/kafka/kafkajs-timer-patch.ts';
import { createSockets } from '../../common/kafka/kafkajs-sockets.ts';
import { toKafkaError } from './admin.ts';

export interface RawMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
  /** Only where the key must not decide. */
  readonly partition?: number;
}

/** Sends bytes as they are, in order, by the partitioner that all of Marquee's producers share. */
export interface RawProducer {
  /** Resolves when all in-sync replicas have the messages. */
  send(topic: string, messages: readonly RawMessage[]): Promise<void>;
  close(): Promise<void>;
}

/** A request carries at least one message, and more while they are small. */
const REQUEST_BYTES = 1024 * 1024;

export function createRawProducer(options: {
  readonly brokers: readonly string[];
  readonly clientId: string;
}): RawProducer {
  const sockets = createSockets();
  const kafka = new kafkajs.Kafka({
    socketFactory: sockets.open,
    brokers: [...options.brokers],
    clientId: options.clientId,
    logCreator: () => () => undefined, // faults reach the caller as errors
  });
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  let connected: Promise<void> | null = null;

  return {
    async send(topic, messages) {
      try {
        await (connected ??= producer.connect());
        for (const chunk of chunksOf(messages))
          await producer.send({
            topic,
            acks: -1,
            compression: kafkajs.CompressionTypes.GZIP,
            messages: chunk.map((message) => ({ ...message, headers: { ...message.headers } })),
          });
      } catch (error) {
        throw toKafkaError(error, options.brokers);
      }
    },
    async close() {
      await connected?.catch(() => undefined);
      await producer.disconnect().catch(() => undefined);
      sockets.close();
    },
  };
}

function* chunksOf(messages: readonly RawMessage[]): Generator<RawMessage[]> {
  let chunk: RawMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = (message.key?.length ?? 0) + (message.value?.length ?? 0);
    if (chunk.length > 0 && bytes + size > REQUEST_BYTES) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(message);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}
