import { backoffMs, pause } from '../../common/backoff.ts';
import kafkajs from 'kafkajs';
import type { KafkaConfig } from 'kafkajs';
import { MarqueeError } from '../../common/error.ts';
import { createSockets } from '../../common/kafka/kafkajs-sockets.ts';
import { openConsumer } from '../../common/kafka/kafkajs-internals.ts';
import type { KafkajsBroker, KafkajsCluster } from '../../common/kafka/kafkajs-internals.ts';
import { send } from '../../common/kafka/send-consumer-request.ts';
import {
  NO_ERROR,
  listOffsetsRequest,
  topicMetadataRequest,
} from '../../common/kafka/consumer-requests.ts';
import type { TopicMetadata } from '../../common/kafka/consumer-requests.ts';
import type { LogBounds } from './port.ts';

const UNKNOWN_TOPIC = 3;
const ATTEMPTS = 4;
const RETRY = { firstMs: 200, maxMs: 5_000 };

/** Asks brokers about a topic's log: its id and its bounds. Both adapters use it. */
export interface LogClient {
  /** The topic's id in hex; null when the brokers don't know the topic. */
  topicId(topic: string): Promise<string | null>;
  /** Throws MarqueeError MARQUEE_KAFKA_UNAVAILABLE or MARQUEE_TOPIC_MISSING. */
  bounds(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, LogBounds>>;
  close(): Promise<void>;
}

/** Connects at the first question. `kafka` is kafkajs's own configuration. */
export function createLogClient(kafka: KafkaConfig): LogClient {
  let opened: Promise<KafkajsCluster> | undefined;
  let closed = false;
  const sockets = createSockets();

  const cluster = (): Promise<KafkajsCluster> => {
    opened ??= open({ ...kafka, socketFactory: sockets.open }).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };

  const forget = async (): Promise<void> => {
    const last = opened;
    opened = undefined;
    await last?.then((c) => c.disconnect()).catch(() => undefined);
  };

  const asking = async <T>(
    what: string,
    ask: (cluster: KafkajsCluster) => Promise<T>,
  ): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ask(await cluster());
      } catch (error) {
        if (error instanceof MarqueeError && !error.retriable) throw error;
        await forget();
        if (attempt === ATTEMPTS || closed) throw unavailable(kafka, what, error);
        await pause(backoffMs(RETRY, attempt));
      }
    }
  };

  return {
    topicId: (topic) =>
      asking(`the id of topic ${topic}`, async (c) => {
        const metadata = await topicMetadata(c, topic);
        return metadata.errorCode === UNKNOWN_TOPIC ? null : metadata.topicId;
      }),
    bounds: (topic, partitions) =>
      asking(`the log bounds of ${topic}`, (c) => askBounds(c, topic, partitions)),
    close: async () => {
      closed = true;
      await forget();
      sockets.close();
    },
  };
}

async function open(kafka: KafkaConfig): Promise<KafkajsCluster> {
  const { cluster } = openConsumer(
    { ...kafka, logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 0 } },
    { groupId: 'marquee.log-client', allowAutoTopicCreation: false },
  );
  try {
    await cluster.connect();
    await cluster.refreshMetadata();
  } catch (error) {
    await cluster.disconnect();
    throw error;
  }
  return cluster;
}

async function topicMetadata(cluster: KafkajsCluster, topic: string): Promise<TopicMetadata> {
  let failure: unknown = new Error('no broker known');
  for (const nodeId of cluster.getNodeIds()) {
    try {
      return await send(await cluster.findBroker({ nodeId }), topicMetadataRequest(topic));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function askBounds(
  cluster: KafkajsCluster,
  topic: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, LogBounds>> {
  const metadata = await topicMetadata(cluster, topic);
  if (metadata.errorCode === UNKNOWN_TOPIC) throw missing(topic);
  if (metadata.errorCode !== NO_ERROR) throw new Error(`Kafka error ${metadata.errorCode}`);
  const leaders = new Map(metadata.partitions.map((p) => [p.partition, p.leader]));
  const byLeader = Map.groupBy(partitions, (partition) => {
    const leader = leaders.get(partition);
    if (leader === undefined) throw missing(`${topic}, partition ${partition}`);
    return leader;
  });
  const bounds = new Map<number, LogBounds>();
  for (const [nodeId, led] of byLeader) {
    const broker = await cluster.findBroker({ nodeId });
    const start = await listOffsets(broker, topic, led, 'start');
    const end = await listOffsets(broker, topic, led, 'end');
    for (const partition of led) {
      bounds.set(partition, { start: start.get(partition) ?? 0, end: end.get(partition) ?? 0 });
    }
  }
  return bounds;
}

async function listOffsets(
  broker: KafkajsBroker,
  topic: string,
  partitions: readonly number[],
  which: 'start' | 'end',
): Promise<ReadonlyMap<number, number>> {
  const listed = await send(broker, listOffsetsRequest(topic, partitions, which));
  for (const { partition, errorCode } of listed) {
    if (errorCode === UNKNOWN_TOPIC) throw missing(`${topic}, partition ${partition}`);
    if (errorCode !== NO_ERROR)
      throw new Error(`Kafka error ${errorCode} of ${topic}/${partition}`);
  }
  return new Map(listed.map(({ partition, offset }) => [partition, offset]));
}

function missing(topic: string): MarqueeError {
  return new MarqueeError(
    'MARQUEE_TOPIC_MISSING',
    `Kafka has no topic ${topic}: make it with "marquee topics apply".`,
  );
}

function unavailable(kafka: KafkaConfig, what: string, cause: unknown): MarqueeError {
  const brokers = Array.isArray(kafka.brokers) ? kafka.brokers.join(', ') : 'its brokers';
  return new MarqueeError(
    'MARQUEE_KAFKA_UNAVAILABLE',
    `Kafka at ${brokers} didn't tell ${what}: check that it runs (marquee status).`,
    { cause, retriable: true },
  );
}
