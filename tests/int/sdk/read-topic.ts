import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import '../../../common/kafka/kafkajs-timer-patch.ts';

export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads a topic from its start to where it ends now, with kafkajs; in order within a partition. */
export async function readTopic(brokers: readonly string[], topic: string): Promise<ReadRecord[]> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logCreator: () => () => undefined });
  const admin = kafka.admin();
  await admin.connect();
  const bounds = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const left = new Map(
    bounds.filter((b) => b.high !== b.low).map((b) => [b.partition, Number(b.high)]),
  );
  if (left.size === 0) return [];
  const records: ReadRecord[] = [];
  const consumer = kafka.consumer({ groupId: `read-${randomUUID()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachBatch: ({ batch }) => {
          for (const { key, value, offset, headers } of batch.messages) {
            const named = Object.entries(headers ?? {}).map(([name, v]) => [name, String(v)]);
            records.push({
              partition: batch.partition,
              offset: Number(offset),
              key,
              value,
              headers: Object.fromEntries(named) as Record<string, string>,
            });
          }
          if (Number(batch.lastOffset()) + 1 >= (left.get(batch.partition) ?? 0)) {
            left.delete(batch.partition);
          }
          if (left.size === 0) resolve();
          return Promise.resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return records;
}
