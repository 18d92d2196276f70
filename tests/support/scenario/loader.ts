import kafkajs from 'kafkajs';
import '../../../common/kafka/kafkajs-timer-patch.ts';
import { withAdmin } from '../../../connectors/kafka/admin.ts';
import type { PlacedRecord } from './generate.ts';
import { until } from '../until.ts';

/**
 * Puts placed records on their partitions, each exactly once, also while the broker is killed: this
 * is the only producer, so after a failure the log's end says whether a request was appended.
 */
export interface Loader {
  send(records: readonly PlacedRecord[]): Promise<void>;
  close(): Promise<void>;
}

const OUTAGE_MS = 120_000;

export function createLoader(brokers: readonly string[]): Loader {
  let producer: kafkajs.Producer | null = null;
  let turn = 0;

  async function connected(): Promise<kafkajs.Producer> {
    if (producer !== null) return producer;
    const kafka = new kafkajs.Kafka({
      brokers: [...brokers],
      clientId: 'fault-loader',
      connectionTimeout: 3_000,
      requestTimeout: 20_000,
      logCreator: () => () => undefined,
      retry: { retries: 0 },
    });
    const opened = kafka.producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      // A request that fails is looked into, not sent again by the client.
      retry: { retries: 0 },
    });
    await opened.connect();
    producer = opened;
    return opened;
  }

  async function hangUp(): Promise<void> {
    const old = producer;
    producer = null;
    await old?.disconnect().catch(() => undefined);
  }

  async function request(records: readonly PlacedRecord[]): Promise<void> {
    const open = await connected();
    turn++;
    const answer = await open.sendBatch({
      acks: -1,
      compression: turn % 2 === 0 ? kafkajs.CompressionTypes.GZIP : kafkajs.CompressionTypes.None,
      topicMessages: [...Map.groupBy(records, ({ topic }) => topic)].map(([topic, of]) => ({
        topic,
        messages: of.map(({ key, value, partition, timestamp }) => ({
          key,
          value,
          partition,
          ...(timestamp === undefined ? {} : { timestamp: String(timestamp) }),
        })),
      })),
    });
    // kafkajs leaves out, without a word, what is for a partition that it has not heard of.
    const answered = new Set(answer.map((a) => `${a.topicName}/${a.partition}`));
    const silent = records.find(({ topic, partition }) => !answered.has(`${topic}/${partition}`));
    if (silent !== undefined)
      throw new Error(`nothing was sent to ${silent.topic}/${silent.partition}`);
  }

  /** What of it is not in the log. */
  async function missing(records: readonly PlacedRecord[]): Promise<readonly PlacedRecord[]> {
    const topics = [...new Set(records.map(({ topic }) => topic))];
    const ends = await withAdmin({ brokers, retries: 0 }, async (admin) => {
      const found = new Map<string, number>();
      for (const topic of topics)
        for (const { partition, high } of await admin.fetchTopicOffsets(topic))
          found.set(`${topic}/${partition}`, Number(high));
      return found;
    });
    return records.filter(
      ({ topic, partition, offset }) => offset >= (ends.get(`${topic}/${partition}`) ?? 0),
    );
  }

  return {
    async send(records) {
      let left = records;
      while (left.length > 0) {
        try {
          await request(left);
          return;
        } catch {
          await hangUp();
          const asked = left;
          left = await until('Kafka to say what it has', OUTAGE_MS, () => missing(asked));
        }
      }
    },
    close: hangUp,
  };
}
