import kafkajs from 'kafkajs';
import type { KafkaConfig, PartitionAssigner, SASLOptions } from 'kafkajs';
import '../../common/kafka/kafkajs-timer-patch.ts';
import { createSockets } from '../../common/kafka/kafkajs-sockets.ts';
import type { Sockets } from '../../common/kafka/kafkajs-sockets.ts';
import { PRODUCE } from '../../common/kafka/produce-request.ts';
import { MINUTE_MS } from '../../common/time.ts';

/** How to reach Kafka; `ssl` and `sasl` as kafkajs takes them. */
export interface ClusterOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: KafkaConfig['ssl'] | undefined;
  readonly sasl?: SASLOptions | undefined;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/** Connections, authentication and metadata are kafkajs's; what is produced is encoded here. */
export interface ProducerCluster {
  /** Connects where needed and asks for the topics' metadata. */
  load(topics: readonly string[]): Promise<void>;
  /** Broker of each partition, by partition; -1 where there is none now. Empty when not loaded. */
  leaders(topic: string): readonly number[];
  initProducerId(): Promise<{ readonly producerId: bigint; readonly producerEpoch: number }>;
  /** Sends a Produce request to a broker and returns the answer's body. */
  produce(leader: number, body: Buffer): Promise<Buffer>;
  /** For good. */
  disconnect(): Promise<void>;
}

/**
 * kafkajs's own shapes, of 2.2.4 (its last release; the version is pinned). It hands its cluster to
 * partition assigners, and a broker's connection carries any request.
 */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  isConnected(): boolean;
  refreshMetadata(): Promise<void>;
  readonly targetTopics: Set<string>;
  findTopicPartitionMetadata(topic: string): readonly { partitionId: number; leader: number }[];
  findBroker(node: { readonly nodeId: string }): Promise<Broker>;
  findControllerBroker(): Promise<Broker>;
}

interface Broker {
  readonly connectionPool: { send(request: unknown): Promise<unknown> };
  disconnect(): Promise<void>;
  initProducerId(request: {
    readonly transactionalId?: string;
    readonly transactionTimeout: number;
  }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>;
}

export function openCluster(options: ClusterOptions): ProducerCluster {
  const sockets = createSockets();
  const cluster = captureCluster(options, sockets);

  async function produce(leader: number, body: Buffer): Promise<Buffer> {
    const broker = await cluster.findBroker({ nodeId: String(leader) });
    try {
      const answer = await broker.connectionPool.send({
        // The two fields that kafkajs reads of its own encoder.
        request: { ...PRODUCE, encode: () => Promise.resolve({ buf: body, buffer: body }) },
        response: {
          decode: (payload: Buffer) => Promise.resolve({ payload }),
          parse: (decoded: unknown) => Promise.resolve(decoded),
        },
        requestTimeout: options.requestTimeoutMs,
        logResponseError: false,
      });
      return (answer as { payload: Buffer }).payload;
    } catch (error) {
      // What was sent on this connection may still be answered there: never mix it with a new one.
      await broker.disconnect();
      throw error;
    }
  }

  return {
    produce,
    async load(topics) {
      for (const topic of topics) cluster.targetTopics.add(topic);
      if (!cluster.isConnected()) await cluster.connect();
      await cluster.refreshMetadata();
    },
    leaders(topic) {
      const leaders: number[] = [];
      for (const { partitionId, leader } of cluster.findTopicPartitionMetadata(topic)) {
        leaders[partitionId] = leader;
      }
      return Array.from(leaders, (leader: number | undefined) => leader ?? -1);
    },
    async initProducerId() {
      const broker = await cluster.findControllerBroker();
      const found = await broker.initProducerId({ transactionTimeout: MINUTE_MS });
      return { producerId: BigInt(found.producerId), producerEpoch: found.producerEpoch };
    },
    async disconnect() {
      await cluster.disconnect().finally(sockets.close);
    },
  };
}

function captureCluster(options: ClusterOptions, sockets: Sockets): Cluster {
  let captured: unknown;
  const assigner: PartitionAssigner = (config) => {
    captured = config.cluster;
    return kafkajs.PartitionAssigners.roundRobin(config);
  };
  new kafkajs.Kafka({
    socketFactory: sockets.open,
    brokers: [...options.brokers],
    clientId: options.clientId,
    ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
    ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
    connectionTimeout: options.connectTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    // Retrying is done by the sender, which knows what it would cost.
    retry: { retries: 0, initialRetryTime: 50, maxRetryTime: 200 },
    logLevel: kafkajs.logLevel.NOTHING,
    logCreator: () => () => undefined,
  }).consumer({
    groupId: 'never-joined',
    allowAutoTopicCreation: false,
    partitionAssigners: [assigner],
  });
  if (captured === undefined) throw new TypeError('kafkajs gave no cluster to its assigner');
  return captured as Cluster;
}
