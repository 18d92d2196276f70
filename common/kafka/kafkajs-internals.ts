import kafkajs from 'kafkajs';
import type { Consumer, ConsumerConfig, KafkaConfig, PartitionAssigner } from 'kafkajs';
import { MarqueeError } from '../error.ts';
import './kafkajs-timer-patch.ts';
import type { ApiRequest } from './consumer-requests.ts';
import { FETCH, METADATA } from './consumer-requests.ts';

/**
 * What Marquee uses of kafkajs beyond its documented API, in one place. kafkajs hands its cluster to
 * partition assigners; from there come its brokers, and their connections carry any request.
 * The version is pinned: 2.2.4 is the last release, and the shapes below are its own.
 */
export interface KafkajsBroker {
  readonly nodeId: number | null;
  readonly versions: Readonly<Record<string, { readonly maxVersion: number }>> | null;
  readonly connectionPool: { send(request: unknown): Promise<unknown> };
  disconnect(): Promise<void>;
  fetch(request: KafkajsFetch): Promise<{ responses: readonly unknown[] }>;
  heartbeat(request: unknown): Promise<unknown>;
}

export interface KafkajsFetch {
  readonly maxWaitTime: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number }[];
  }[];
}

export interface KafkajsCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  getNodeIds(): readonly string[];
  findBroker(node: { readonly nodeId: string | number }): Promise<KafkajsBroker>;
  findGroupCoordinator(group: unknown): Promise<KafkajsBroker>;
}

/** A kafkajs consumer together with the cluster that it works on. */
export function openConsumer(
  kafka: KafkaConfig,
  consumer: Omit<ConsumerConfig, 'partitionAssigners'>,
): { consumer: Consumer; cluster: KafkajsCluster } {
  let captured: KafkajsCluster | undefined;
  const assigner: PartitionAssigner = (config) => {
    captured = config.cluster as unknown as KafkajsCluster;
    const roundRobin = kafkajs.PartitionAssigners.roundRobin;
    return roundRobin(config);
  };
  const opened = new kafkajs.Kafka(kafka).consumer({ ...consumer, partitionAssigners: [assigner] });
  if (captured === undefined) throw new TypeError('kafkajs gave no cluster to its assigner');
  return { consumer: opened, cluster: captured };
}

/** Sends a request of ours over the broker's own connection. */
export async function send<T>(
  broker: KafkajsBroker,
  request: ApiRequest<T>,
  waitMs = 0,
): Promise<T> {
  assertVersions(broker);
  const { apiKey, apiVersion, apiName, body, decode } = request;
  try {
    const answer = await broker.connectionPool.send({
      request: { apiKey, apiVersion, apiName, encode: () => Promise.resolve(encoded(body)) },
      response: {
        // kafkajs awaits it, so what it throws is the request's failure.
        decode: (payload: Buffer) => ({ answer: decode(payload) }),
        parse: (decoded: unknown) => decoded,
      },
      requestTimeout: waitMs + REQUEST_MARGIN_MS,
      logResponseError: false,
    });
    return (answer as { answer: T }).answer;
  } catch (error) {
    if (error instanceof Error && error.name === 'KafkaJSConnectionClosedError') {
      await broker.disconnect();
    }
    throw error;
  }
}

const REQUEST_MARGIN_MS = 10_000;

/** The two fields that kafkajs reads of its own Encoder. */
function encoded(body: Buffer): { buf: Buffer; buffer: Buffer } {
  return { buf: body, buffer: body };
}

function assertVersions(broker: KafkajsBroker): void {
  const has = (api: { key: number; version: number }): boolean =>
    (broker.versions?.[api.key]?.maxVersion ?? api.version) >= api.version;
  if (has(FETCH) && has(METADATA)) return;
  throw new MarqueeError(
    'MARQUEE_KAFKA_TOO_OLD',
    `Kafka broker ${String(broker.nodeId)} has no Fetch ${String(FETCH.version)} (topic ids): ` +
      'run Kafka 3.1 or newer.',
  );
}
