import { randomBytes } from 'node:crypto';
import { createConsumer } from '../../connectors/kafka/create-consumer.ts';
import type { KafkaRecord } from '../../connectors/kafka/port.ts';
import { MarqueeError } from '../../schemas/error.ts';

export interface ReadOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Offsets [from, to) by partition; `to` may be Infinity, then reading ends by the signal alone. */
  readonly ranges: ReadonlyMap<number, { readonly from: number; readonly to: number }>;
  /** No more of the partition is read until it is done. `last`: nothing comes after. */
  onRecords(
    partition: number,
    records: readonly KafkaRecord[],
    last: boolean,
  ): Promise<void> | void;
  readonly signal?: AbortSignal;
}

/**
 * Reads committed records of a topic beside the processors: by a consumer group of its own, which
 * commits nothing and is gone afterwards.
 */
export async function readRecords(options: ReadOptions): Promise<void> {
  const { topic, ranges, signal } = options;
  const open = new Set(
    [...ranges].filter(([, r]) => r.from < r.to).map(([partition]) => partition),
  );
  if (open.size === 0 || signal?.aborted === true) return;
  const consumer = await createConsumer('kafkajs', {
    brokers: options.brokers,
    groupId: `marquee.reader-${randomBytes(6).toString('hex')}`,
    topic,
    clientId: 'marquee-reader',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    heartbeatIntervalMs: 1_000,
    fetchBytesMax: 8 * 1024 * 1024,
    partitionBytesMax: 1024 * 1024,
    fetchWaitMs: 250,
  });
  const finished = Promise.withResolvers<undefined>();
  const end = () => {
    finished.resolve(undefined);
  };
  signal?.addEventListener('abort', end);
  try {
    const running = consumer.run({
      assigned(partitions) {
        for (const at of partitions) {
          const range = ranges.get(at.partition);
          if (range !== undefined && open.has(at.partition)) consumer.start(at, range.from);
        }
        return Promise.resolve();
      },
      revoked: () => Promise.resolve(),
      batch(batch) {
        const range = ranges.get(batch.partition);
        if (range === undefined || !open.has(batch.partition)) return;
        consumer.pause(batch);
        const wanted = batch.records().filter((r) => r.offset >= range.from && r.offset < range.to);
        const last = batch.next >= range.to;
        Promise.resolve(options.onRecords(batch.partition, wanted, last)).then(() => {
          if (!last) {
            consumer.resume(batch);
            return;
          }
          open.delete(batch.partition);
          if (open.size === 0) end();
        }, finished.reject);
      },
      offsetOutOfLog({ partition }, detail) {
        finished.reject(
          new MarqueeError('MARQUEE_OFFSET_OUTSIDE_LOG', `${topic}/${partition}: ${detail}`),
        );
      },
      fault: () => undefined, // retried by the client
    });
    await Promise.race([finished.promise, running]);
  } finally {
    signal?.removeEventListener('abort', end);
    await consumer.stop();
  }
}
