import { randomBytes } from 'node:crypto';
import { MarqueeError } from '../../common/error.ts';
import type { KafkaRecord } from '../../common/kafka/record.ts';
import { createConsumer } from './create-consumer.ts';
import type { ConsumerOptions, FetchedBatch } from './port.ts';
import { createReadProgress, recordsWithin } from './read-progress.ts';
import type { OffsetRange } from './read-progress.ts';

export interface ReadOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  /**
   * Offsets [from, to) by partition; `to` may be Infinity, then reading ends by the signal alone.
   */
  readonly ranges: ReadonlyMap<number, OffsetRange>;
  /** Awaited before the partition's records are asked for: most of them are decoded only then. */
  turn?(partition: number): Promise<void>;
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
 * commits nothing and is gone afterwards. Each record of the ranges is passed on once and in order,
 * whatever becomes of the group meanwhile.
 */
export async function readRecords(options: ReadOptions): Promise<void> {
  const { topic, ranges, signal } = options;
  const progress = createReadProgress(ranges);
  if (progress.isDone() || signal?.aborted === true) return;
  const consumer = await createConsumer('kafkajs', consumerOptions(options));
  const finished = Promise.withResolvers<undefined>();
  const end = () => {
    finished.resolve(undefined);
  };
  signal?.addEventListener('abort', end);

  const passOn = async (batch: FetchedBatch, range: OffsetRange): Promise<void> => {
    const { partition, next } = batch;
    await options.turn?.(partition);
    const records = recordsWithin(batch.records(), range);
    await options.onRecords(partition, records, next >= range.to);
    if (progress.passedOn(partition, next)) consumer.resume(batch);
    if (progress.isDone()) end();
  };

  /** Of each partition, the last batch that is passed on. */
  const underWay = new Map<number, Promise<void>>();
  try {
    const running = consumer.run({
      assigned(partitions) {
        for (const place of partitions) {
          const offset = progress.nextOffset(place.partition);
          if (offset !== undefined) consumer.start(place, offset);
        }
        return Promise.resolve();
      },
      revoked: () => Promise.resolve(),
      batch(batch) {
        const { partition, next } = batch;
        const range = progress.delivered(partition, next);
        if (range === undefined) return;
        consumer.pause(batch);
        const before = underWay.get(partition) ?? Promise.resolve();
        const passed = before.then(() => passOn(batch, range));
        passed.catch(finished.reject);
        underWay.set(partition, passed);
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

function consumerOptions({ brokers, topic }: ReadOptions): ConsumerOptions {
  return {
    brokers,
    groupId: `marquee.reader-${randomBytes(6).toString('hex')}`,
    topic,
    clientId: 'marquee-reader',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    heartbeatIntervalMs: 1_000,
    fetchBytesMax: 8 * 1024 * 1024,
    partitionBytesMax: 1024 * 1024,
    fetchWaitMs: 250,
  };
}
