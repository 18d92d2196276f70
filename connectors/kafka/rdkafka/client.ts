import rdkafka from 'node-rdkafka';
import type { LibrdKafkaError, Message, TopicPartition } from 'node-rdkafka';
import type { ConsumerOptions } from '../port.ts';

const METADATA_MAX_AGE_MS = 30_000;
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

export interface Consumed {
  readonly messages: readonly RawMessage[];
  /** Partitions whose end was reached, with the offset after it: markers and gaps are passed. */
  readonly ends: readonly { readonly partition: number; readonly offset: number }[];
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
  const commits: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const consumer = new rdkafka.KafkaConsumer(
    {
      ...globalConfig(options),
      offset_commit_cb: (error: LibrdKafkaError | undefined) => {
        const commit = commits.shift();
        if (error) commit?.reject(plain(error));
        else commit?.resolve();
      },
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
  let ends: { partition: number; offset: number }[] = [];
  consumer.on('partition.eof', ({ partition, offset }) => ends.push({ partition, offset }));
  const place = (partition: number): TopicPartition => ({ topic, partition });

  return {
    connect: () =>
      new Promise((resolve, reject) => {
        consumer.connect({ topic, timeout: CONNECT_MS }, (error: LibrdKafkaError | undefined) => {
          if (error) {
            reject(plain(error));
            return;
          }
          consumer.subscribe([topic]);
          resolve();
        });
      }),
    consume: (countMax) =>
      new Promise((resolve) => {
        consumer.consume(countMax, (error: LibrdKafkaError | null, messages) => {
          const reached = ends;
          ends = [];
          resolve({
            messages: error ? [] : messages,
            ends: reached,
            error: error ? plain(error) : undefined,
          });
        });
      }),
    assign: (partitions) => {
      consumer.incrementalAssign(partitions.map((p) => ({ topic, ...p })));
    },
    unassign: (partitions) => {
      consumer.incrementalUnassign(partitions.map(place));
    },
    seek: (partition, offset) =>
      new Promise((resolve, reject) => {
        const to = { topic, partition, offset };
        consumer.seek(to, SEEK_MS, (error: LibrdKafkaError | undefined) => {
          if (error?.code === ERR__STATE) {
            consumer.incrementalUnassign([place(partition)]);
            consumer.incrementalAssign([to]);
            resolve();
          } else if (error) reject(plain(error));
          else resolve();
        });
      }),
    pause: (partitions) => {
      consumer.pause(partitions.map(place));
    },
    resume: (partitions) => {
      consumer.resume(partitions.map(place));
    },
    commit: (offsets) => {
      consumer.commit(offsets.map(({ partition, next }) => ({ topic, partition, offset: next })));
      return new Promise((resolve, reject) => commits.push({ resolve, reject }));
    },
    logEnd: (partition) => {
      try {
        return consumer.getWatermarkOffsets(topic, partition).highOffset;
      } catch {
        return -1;
      }
    },
    disconnect: () =>
      new Promise((resolve) => {
        if (!consumer.isConnected()) resolve();
        else {
          consumer.disconnect(() => {
            resolve();
          });
        }
      }),
  };
}

function plain({ message, code }: LibrdKafkaError): RdkafkaError {
  return Object.assign(new Error(`librdkafka: ${message} (${String(code)})`), { code });
}

const { ERR__ASSIGN_PARTITIONS, ERR__REVOKE_PARTITIONS, ERR__STATE } = rdkafka.CODES.ERRORS;
const REBALANCES: ReadonlyMap<number, RebalanceKind> = new Map([
  [ERR__ASSIGN_PARTITIONS, 'assign'],
  [ERR__REVOKE_PARTITIONS, 'revoke'],
]);

function globalConfig(options: ConsumerOptions) {
  const metadataMs = options.metadataMaxAgeMs ?? METADATA_MAX_AGE_MS;
  return {
    'metadata.broker.list': options.brokers.join(','),
    'client.id': options.clientId,
    'group.id': options.groupId,
    ...(options.instanceId === undefined ? {} : { 'group.instance.id': options.instanceId }),
    'partition.assignment.strategy': 'cooperative-sticky',
    'session.timeout.ms': options.sessionTimeoutMs,
    'heartbeat.interval.ms': options.heartbeatIntervalMs,
    // librdkafka's rebalance timeout; it must not be below the session's.
    'max.poll.interval.ms': Math.max(options.rebalanceTimeoutMs, options.sessionTimeoutMs),
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    'enable.partition.eof': true,
    'isolation.level': 'read_committed',
    'allow.auto.create.topics': false,
    'topic.metadata.refresh.interval.ms': metadataMs,
    'metadata.max.age.ms': metadataMs * 3,
    'fetch.wait.max.ms': options.fetchWaitMs,
    'fetch.message.max.bytes': options.partitionBytesMax,
    'fetch.max.bytes': Math.max(MESSAGE_BYTES_DEFAULT, options.fetchBytesMax),
    'receive.message.max.bytes':
      Math.max(MESSAGE_BYTES_DEFAULT, options.fetchBytesMax) + RECEIVE_MARGIN_BYTES,
    'queued.max.messages.kbytes': Math.max(1_024, Math.ceil(options.fetchBytesMax / 1_024)),
    'queued.min.messages': 20_000,
    // How long librdkafka fetches nothing once its queue is full; its default is a whole second.
    'fetch.queue.backoff.ms': 10,
    'fetch.error.backoff.ms': 250,
    'reconnect.backoff.max.ms': 2_000,
    'socket.keepalive.enable': true,
    'socket.nagle.disable': true,
    'log.connection.close': false,
  } as const;
}

/** librdkafka's message.max.bytes, below which it takes no fetch.max.bytes. */
const MESSAGE_BYTES_DEFAULT = 1_000_000;
/** A broker answers with one whole batch even when that is larger than what was asked for. */
const RECEIVE_MARGIN_BYTES = 64 * 1024 * 1024;
