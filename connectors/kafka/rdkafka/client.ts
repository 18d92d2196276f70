import rdkafka from 'node-rdkafka';
import type { KafkaConsumer, LibrdKafkaError, Message, TopicPartition } from 'node-rdkafka';
import type { ConsumerOptions } from '../port.ts';
import { clientConfig } from './client-config.ts';

const CONNECT_MS = 5_000;
/** A call to consume holds one of libuv's few threads this long when nothing comes. */
const CONSUME_WAIT_MS = 5;
const SEEK_MS = 2_000;

/** A message as node-rdkafka hands it over; headers are one object per header. */
export type RawMessage = Message;

/** librdkafka's error with its number (https://docs.confluent.io: rd_kafka_resp_err_t). */
export interface RdkafkaError extends Error {
  readonly code: number;
}

/** Partitions whose end was reached, with the offset after it: markers and gaps are passed. */
interface PartitionEnd {
  readonly partition: number;
  readonly offset: number;
}

export interface Consumed {
  readonly messages: readonly RawMessage[];
  readonly ends: readonly PartitionEnd[];
  readonly error: RdkafkaError | undefined;
}

export type RebalanceKind = 'assign' | 'revoke' | 'error';

export interface RdkafkaEvents {
  rebalance(kind: RebalanceKind, partitions: readonly number[], error: Error | undefined): void;
  error(error: RdkafkaError): void;
}

/** node-rdkafka's consumer for one topic, with promises in place of callbacks. */
export interface RdkafkaClient {
  connect(): Promise<void>;
  consume(countMax: number): Promise<Consumed>;
  assign(partitions: readonly { readonly partition: number; readonly offset: number }[]): void;
  unassign(partitions: readonly number[]): void;
  /** Also after an offset reset that ended in an error, where librdkafka itself refuses to seek. */
  seek(partition: number, offset: number): Promise<void>;
  pause(partitions: readonly number[]): void;
  resume(partitions: readonly number[]): void;
  /** Settles when the coordinator answered. */
  commit(offsets: readonly { readonly partition: number; readonly next: number }[]): Promise<void>;
  /** The high watermark as the broker said it with the last fetch; -1 before the first. */
  logEnd(partition: number): number;
  disconnect(): Promise<void>;
}

export function createRdkafkaClient(
  options: ConsumerOptions,
  events: RdkafkaEvents,
): RdkafkaClient {
  const { topic } = options;
  // librdkafka answers commits in the order they were made.
  const commits: Answer[] = [];
  const consumer = new rdkafka.KafkaConsumer(
    {
      ...clientConfig(options),
      offset_commit_cb: (error: LibrdKafkaError | undefined) => commits.shift()?.(error),
      rebalance_cb: (error: LibrdKafkaError, assignment: readonly TopicPartition[]) => {
        const kind = REBALANCES.get(error.code) ?? 'error';
        const partitions = assignment.map(({ partition }) => partition);
        events.rebalance(kind, partitions, kind === 'error' ? plain(error) : undefined);
      },
    },
    { 'auto.offset.reset': 'error' },
  );
  consumer.setDefaultConsumeTimeout(CONSUME_WAIT_MS);
  consumer.on('event.error', (error) => {
    events.error(plain(error));
  });
  const ends: PartitionEnd[] = [];
  consumer.on('partition.eof', ({ partition, offset }) => ends.push({ partition, offset }));
  const place = (partition: number): TopicPartition => ({ topic, partition });

  return {
    connect: async () => {
      await answered((answer) => consumer.connect({ topic, timeout: CONNECT_MS }, answer));
      consumer.subscribe([topic]);
    },
    consume: (countMax) =>
      new Promise((resolve) => {
        consumer.consume(countMax, (error: LibrdKafkaError | null, messages) => {
          const reached = ends.splice(0);
          if (error) resolve({ messages: [], ends: reached, error: plain(error) });
          else resolve({ messages, ends: reached, error: undefined });
        });
      }),
    assign: (partitions) => {
      consumer.incrementalAssign(partitions.map((p) => ({ topic, ...p })));
    },
    unassign: (partitions) => {
      consumer.incrementalUnassign(partitions.map(place));
    },
    seek: (partition, offset) => seek(consumer, { topic, partition, offset }),
    pause: (partitions) => {
      consumer.pause(partitions.map(place));
    },
    resume: (partitions) => {
      consumer.resume(partitions.map(place));
    },
    commit: (offsets) => {
      consumer.commit(offsets.map(({ partition, next }) => ({ topic, partition, offset: next })));
      return answered((answer) => commits.push(answer));
    },
    logEnd: (partition) => logEndOf(consumer, place(partition)),
    disconnect: () => disconnect(consumer),
  };
}

const { ERR__ASSIGN_PARTITIONS, ERR__REVOKE_PARTITIONS, ERR__STATE } = rdkafka.CODES.ERRORS;
const REBALANCES: ReadonlyMap<number, RebalanceKind> = new Map([
  [ERR__ASSIGN_PARTITIONS, 'assign'],
  [ERR__REVOKE_PARTITIONS, 'revoke'],
]);

type Answer = (error: LibrdKafkaError | null | undefined) => void;

/** Settles as the callback that it gives is called. */
function answered(ask: (answer: Answer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    ask((error) => {
      if (error) reject(plain(error));
      else resolve();
    });
  });
}

function seek(
  consumer: KafkaConsumer,
  to: TopicPartition & { readonly offset: number },
): Promise<void> {
  return answered((answer) =>
    consumer.seek(to, SEEK_MS, (error: LibrdKafkaError | undefined) => {
      if (error?.code === ERR__STATE) {
        consumer.incrementalUnassign([to]);
        consumer.incrementalAssign([to]);
        answer(null);
      } else answer(error);
    }),
  );
}

function logEndOf(consumer: KafkaConsumer, { topic, partition }: TopicPartition): number {
  try {
    return consumer.getWatermarkOffsets(topic, partition).highOffset;
  } catch {
    return -1;
  }
}

function disconnect(consumer: KafkaConsumer): Promise<void> {
  return answered((answer) => {
    if (!consumer.isConnected()) answer(null);
    else {
      consumer.disconnect(() => {
        answer(null);
      });
    }
  });
}

function plain({ message, code }: LibrdKafkaError): RdkafkaError {
  return Object.assign(new Error(`librdkafka: ${message} (${code})`), { code });
}
