import kafkajs from 'kafkajs';
import type { KafkaConfig, SASLOptions } from 'kafkajs';
import { openConsumer, sendRequest } from '../../common/kafka/kafkajs-internals.ts';
import { createSockets } from '../../common/kafka/kafkajs-sockets.ts';
import { PRODUCE } from '../../common/kafka/produce-request.ts';
import { MINUTE_MS } from '../../common/time.ts';

/** Addresses of Kafka and the way there; `ssl` and `sasl` as kafkajs takes them. */
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

export function openCluster(options: ClusterOptions): ProducerCluster {
  const sockets = createSockets();
  const { cluster } = openConsumer(
    { ...kafkaConfig(options), socketFactory: sockets.open },
    { groupId: 'never-joined', allowAutoTopicCreation: false },
  );

  return {
    async produce(leader, body) {
      const broker = await cluster.findBroker({ nodeId: String(leader) });
      const request = { ...PRODUCE, body, decode: (payload: Buffer) => payload };
      try {
        return await sendRequest(broker, request, options.requestTimeoutMs);
      } catch (error) {
        // An answer may still come on this connection: never mix it with those of a new one.
        await broker.disconnect();
        throw error;
      }
    },
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

function kafkaConfig(options: ClusterOptions): KafkaConfig {
  return {
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
  };
}
