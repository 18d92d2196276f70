import kafkajs from 'kafkajs';
import type { Admin, Producer } from 'kafkajs';
import { createConsumer } from '../../../connectors/kafka/create-consumer.ts';
import type { KafkaClientName } from '../../../connectors/kafka/create-consumer.ts';
import type { ConsumerOptions, KafkaConsumer } from '../../../connectors/kafka/port.ts';
import { createReceiver } from './receiver.ts';
import type { Receiver, ReceiverOptions } from './receiver.ts';

/** Both adapters where node-rdkafka is built; the cases are the same for each. */
export const clients: readonly KafkaClientName[] = (await isBuilt('node-rdkafka'))
  ? ['kafkajs', 'rdkafka']
  : ['kafkajs'];

async function isBuilt(name: string): Promise<boolean> {
  return import(name).then(
    () => true,
    () => false,
  );
}

export function unique(name: string): string {
  return `test.${name}.${crypto.randomUUID().slice(0, 8)}`;
}

export interface Running {
  readonly consumer: KafkaConsumer;
  readonly receiver: Receiver;
  /** `run`, to be awaited after `stop`. */
  readonly ran: Promise<void>;
  stop(): Promise<void>;
}

/** One place for what a test opens; `close` ends it all. */
export interface Bench {
  readonly brokers: readonly string[];
  readonly admin: Admin;
  readonly producer: Producer;
  topic(name: string, options?: TopicOptions): Promise<string>;
  transactional(): Promise<Producer>;
  /** One that knows nothing of a topic of the same name before. */
  freshProducer(): Promise<Producer>;
  options(topic: string, more?: Partial<ConsumerOptions>): ConsumerOptions;
  run(
    client: KafkaClientName,
    options: ConsumerOptions,
    receiver: Omit<ReceiverOptions, 'topic'>,
  ): Promise<Running>;
  /** Stops what `run` and `transactional` opened. */
  stopAll(): Promise<void>;
  close(): Promise<void>;
}

export interface TopicOptions {
  readonly partitions?: number;
  readonly config?: Readonly<Record<string, string>>;
}

const quiet = { logCreator: () => () => undefined };

export async function openBench(brokers: readonly string[]): Promise<Bench> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], clientId: 'test', ...quiet });
  const admin = kafka.admin();
  const { DefaultPartitioner } = kafkajs.Partitioners;
  const producer = kafka.producer({ createPartitioner: DefaultPartitioner });
  await Promise.all([admin.connect(), producer.connect()]);
  const opened: (() => Promise<unknown>)[] = [];

  const stopAll = async (): Promise<void> => {
    await Promise.all(opened.splice(0).map((end) => end()));
  };

  return {
    brokers,
    admin,
    producer,
    topic: async (name, { partitions = 1, config = {} } = {}) => {
      const topic = unique(name);
      await makeTopic(admin, topic, { partitions, config });
      return topic;
    },
    transactional: async () => {
      const transactional = kafka.producer({
        createPartitioner: DefaultPartitioner,
        transactionalId: unique('txn'),
        maxInFlightRequests: 1,
        idempotent: true,
      });
      await transactional.connect();
      opened.push(() => transactional.disconnect());
      return transactional;
    },
    freshProducer: async () => {
      const fresh = kafka.producer({ createPartitioner: DefaultPartitioner });
      await fresh.connect();
      opened.push(() => fresh.disconnect());
      return fresh;
    },
    options: (topic, more = {}) => ({
      brokers,
      topic,
      groupId: `group.${topic}`,
      clientId: 'test',
      sessionTimeoutMs: 6_000,
      rebalanceTimeoutMs: 12_000,
      heartbeatIntervalMs: 300,
      fetchBytesMax: 4 * 1024 * 1024,
      partitionBytesMax: 256 * 1024,
      fetchWaitMs: 200,
      ...more,
    }),
    run: async (client, options, receiverOptions) => {
      const consumer = await createConsumer(client, options);
      const receiver = createReceiver(consumer, { topic: options.topic, ...receiverOptions });
      const ran = consumer.run(receiver.handlers);
      ran.catch(() => undefined);
      const stop = (): Promise<void> => consumer.stop();
      opened.push(stop);
      return { consumer, receiver, ran, stop };
    },
    stopAll,
    close: async () => {
      await stopAll();
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    },
  };
}

/** Settles when every partition has its leader. Waits for an older topic of that name to go. */
export async function makeTopic(
  admin: Admin,
  topic: string,
  { partitions = 1, config = {} }: TopicOptions,
): Promise<void> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  const made = { topic, numPartitions: partitions, replicationFactor: 1, configEntries };
  await eventually(() => admin.createTopics({ topics: [made], waitForLeaders: false }));
  await eventually(async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const [found] = topics;
    return found?.partitions.length === partitions && found.partitions.every((p) => p.leader >= 0);
  });
}

/** Asks a server until it says yes; what it says before is "not yet". */
async function eventually(ask: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const [answer] = await Promise.allSettled([ask()]);
    if (answer.status === 'fulfilled' && answer.value) return;
    if (tries === 200) throw new Error('the server never came to it', { cause: answer });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Deletes what lies below `offset` in partition 0. */
export async function deleteBelow(admin: Admin, topic: string, offset: number): Promise<void> {
  // kafkajs finds the partition's leader only in metadata that it has already.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
}

/** Sends `count` records to a partition, in sends of `each`; values say where they belong. */
export async function fill(
  producer: Producer,
  topic: string,
  count: number,
  { partition = 0, from = 0, each = 500 } = {},
): Promise<void> {
  for (let done = 0; done < count; done += each) {
    const size = Math.min(each, count - done);
    await producer.send({
      topic,
      messages: Array.from({ length: size }, (_, i) => ({
        partition,
        key: `k${from + done + i}`,
        value: `v${from + done + i}`,
      })),
    });
  }
}

export function values(receiver: Receiver, partition = 0): (string | null)[] {
  return (receiver.records.get(partition) ?? []).map(({ value }) => value?.toString() ?? null);
}

export function offsets(receiver: Receiver, partition = 0): number[] {
  return (receiver.records.get(partition) ?? []).map(({ offset }) => offset);
}

export function span(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
