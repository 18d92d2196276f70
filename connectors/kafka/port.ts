import type { KafkaRecord } from '../../common/kafka/record.ts';

/**
 * The thin port through which Marquee reads Kafka. Two adapters implement it (kafkajs,
 * node-rdkafka) and one conformance suite holds both to the words below.
 *
 * The consumer pushes; the owner of the handlers decides. Nothing is read from a partition before
 * `start` names the offset to read from, and the group's committed offset is never where reading
 * starts: it is written for lag tools only. Offsets are numbers (below 2^53).
 */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** One fetch's part for one partition, without transaction markers and aborted records. */
export interface FetchedBatch extends TopicPartition {
  /**
   * The offset that was asked for. Every visible record between `from` and `next` is in
   * `records()`, so a gap inside is a marker, an aborted record or a compacted one, never a lost
   * one.
   */
  readonly from: number;
  /** One past the last offset that this batch covers, markers included. */
  readonly next: number;
  /** The number of records. */
  readonly count: number;
  /** The memory that the batch takes for as long as it waits. */
  readonly bytes: number;
  /**
   * The records, decoded when they are asked for: so what waits costs its bytes and no objects.
   * Throws MarqueeError MARQUEE_KAFKA_UNREADABLE.
   */
  records(): readonly KafkaRecord[];
  /** The log's end (high watermark) as the broker said it with this fetch. */
  readonly logEnd: number;
}

export interface ConsumerHandlers {
  /**
   * Partitions were given to this member. They stay silent until `start` is called for each.
   * A rejection makes the consumer leave the group and `run` reject with it.
   */
  assigned(partitions: readonly TopicPartition[]): Promise<void>;
  /**
   * Partitions are being taken away. With `lost` they are gone already. No batch of theirs is
   * delivered after this call. An adapter that can hold the rebalance does so until the promise
   * settles (node-rdkafka); the other one calls and goes on (kafkajs), so the receiver must not
   * depend on it for correctness.
   */
  revoked(partitions: readonly TopicPartition[], lost: boolean): Promise<void>;
  /** Synchronous and quick: queue it, pause when full. */
  batch(batch: FetchedBatch): void;
  /**
   * The log no longer has what was asked for (offset outside the log, topic gone or made again).
   * The partition delivers nothing more until `start` is called for it again.
   */
  offsetOutOfLog(partition: TopicPartition, detail: string): void;
  /**
   * A fault that the client retries by itself (a broker away, a rebalance): for logs and health.
   */
  fault(error: Error): void;
}

export interface LogBounds {
  /** The first offset in the log. */
  readonly start: number;
  /** One past the last one (high watermark). */
  readonly end: number;
}

export interface KafkaConsumer {
  /**
   * Connects, subscribes and delivers until `stop`; rejects on a fault that retries cannot mend.
   */
  run(handlers: ConsumerHandlers): Promise<void>;
  /** Reads this partition from `offset` on, and clears a pause. Also the way to seek. */
  start(partition: TopicPartition, offset: number): void;
  pause(partition: TopicPartition): void;
  resume(partition: TopicPartition): void;
  /** Tells the group's offset to Kafka, for lag tools. `next` is one past the last one done. */
  commit(offsets: readonly (TopicPartition & { readonly next: number })[]): Promise<void>;
  /** Asks the broker. Throws MarqueeError MARQUEE_KAFKA_UNAVAILABLE or MARQUEE_TOPIC_MISSING. */
  bounds(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, LogBounds>>;
  /** Leaves the group and closes the connections; `revoked` is called first. */
  stop(): Promise<void>;
}

export interface ConsumerOptions {
  readonly brokers: readonly string[];
  readonly groupId: string;
  readonly topic: string;
  readonly clientId: string;
  /** Survives restarts of the process (static membership), where the client can. */
  readonly instanceId?: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** Upper bounds of one fetch, in bytes. */
  readonly fetchBytesMax: number;
  readonly partitionBytesMax: number;
  readonly fetchWaitMs: number;
  /** Partitions added to the topic are noticed so soon. Default 30 s. */
  readonly metadataMaxAgeMs?: number;
}
