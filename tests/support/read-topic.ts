import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import '../../common/kafka/kafkajs-timer-patch.ts';
import { withAdmin } from '../../connectors/kafka/admin.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';

/** One past the last offset of each partition, in their order. */
export async function logEnds(brokers: readonly string[], topic: string): Promise<number[]> {
  return withAdmin({ brokers, retries: 2 }, async (admin) => {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
  });
}

export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  /** Epoch ms, as the topic keeps it. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Reads a topic from its start to where it ends now, by a group that nobody else uses. */
export async function readTopic(
  brokers: readonly string[],
  topic: TopicName,
  take: (record: ReadRecord) => void,
): Promise<void> {
  const ends = await logEnds(brokers, topic);
  const left = new Map(ends.map((end, partition) => [partition, end] as const));
  for (const [partition, end] of left) if (end === 0) left.delete(partition);
  if (left.size === 0) return;
  const kafka = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'fault-reader',
    logCreator: () => () => undefined,
  });
  const consumer = kafka.consumer({
    groupId: `fault-reader-${randomUUID()}`,
    maxBytesPerPartition: 24 * 1024 * 1024,
  });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new Error(`${topic} could not be read in 120 s; left: ${JSON.stringify([...left])}`),
        );
      }, 120_000);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      consumer
        .run({
          autoCommit: false,
          eachBatch: ({ batch }) => {
            for (const { offset, timestamp, key, value } of batch.messages)
              if (left.has(batch.partition))
                take({
                  partition: batch.partition,
                  offset: Number(offset),
                  timestamp: Number(timestamp),
                  key,
                  value,
                });
            if (Number(batch.lastOffset()) + 1 >= (left.get(batch.partition) ?? 0))
              left.delete(batch.partition);
            if (left.size === 0) done();
            return Promise.resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}
