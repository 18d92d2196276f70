import kafkajs from 'kafkajs';
import type { Consumer, ConsumerConfig, KafkaConfig, PartitionAssigner } from 'kafkajs';
import './kafkajs-timer-patch.ts';
import type { ApiRequest } from './api-request.ts';

/**
 * All that Marquee uses of kafkajs beyond its documented API, but for its sockets. kafkajs hands
 * its cluster to partition assigners; from there come its brokers, and their connections carry any
 * request. The version is pinned: 2.2.4 is the last release, and the shapes below are its own.
 */
export interface KafkajsBroker {
  readonly nodeId: number | null;
  readonly versions: Readonly<Record<string, { readonly maxVersion: number }>> | null;
  readonly connectionPool: { send(request: unknown): Promise<unknown> };
  disconnect(): Promise<void>;
  fetch(request: KafkajsFetch): Promise<{ responses: readonly unknown[] }>;
  heartbeat(request: unknown): Promise<unknown>;
  initProducerId(request: {
    readonly transactionTimeout: number;
  }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>;
}

export interface KafkajsFetch {
  readonly maxWaitTime: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number }[];
  }[];
}

export interface KafkajsCluster {
  /** Topics whose metadata `refreshMetadata` asks for; all topics while it is empty. */
  readonly targetTopics: Set<string>;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  isConnected(): boolean;
  refreshMetadata(): Promise<void>;
  getNodeIds(): readonly string[];
  findTopicPartitionMetadata(
    topic: string,
  ): readonly { readonly partitionId: number; readonly leader: number }[];
  findBroker(node: { readonly nodeId: string | number }): Promise<KafkajsBroker>;
  findControllerBroker(): Promise<KafkajsBroker>;
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

/** Sends a request of ours over the broker's own connection; rejects with what `decode` throws. */
export async function sendRequest<T>(
  broker: KafkajsBroker,
  request: ApiRequest<T>,
  timeoutMs: number,
): Promise<T> {
  const { apiKey, apiVersion, apiName, body, decode } = request;
  const answer = await broker.connectionPool.send({
    request: { apiKey, apiVersion, apiName, encode: () => Promise.resolve(encoded(body)) },
    response: {
      decode: (payload: Buffer) => ({ answer: decode(payload) }),
      parse: (decoded: unknown) => decoded,
    },
    requestTimeout: timeoutMs,
    logResponseError: false,
  });
  return (answer as { answer: T }).answer;
}

/** The two fields that kafkajs reads of its own Encoder. */
function encoded(body: Buffer): { buf: Buffer; buffer: Buffer } {
  return { buf: body, buffer: body };
}
