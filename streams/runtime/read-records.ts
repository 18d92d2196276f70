import { randomBytes } from 'node:crypto';
import { createConsumer } from '../../connectors/kafka/create-consumer.ts';
import type { FetchedBatch, KafkaRecord } from '../../connectors/kafka/port.ts';
import { MarqueeError } from '../../schemas/error.ts';

interface Range {
  readonly from: number;
  readonly to: number;
}

export interface ReadOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Offsets [from, to) by partition; `to` may be Infinity, then reading ends by the signal alone. */
  readonly ranges: ReadonlyMap<number, Range>;
  /** Awaited before the partition's records are decoded: what waits costs its bytes and no objects. */
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
  const pass = async (batch: FetchedBatch, range: Range): Promise<boolean> => {
    await options.turn?.(batch.partition);
    const last = batch.next >= range.to;
    await options.onRecords(batch.partition, within(batch.records(), range), last);
    return last;
  };
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
        pass(batch, range).then((last) => {
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

function within(records: readonly KafkaRecord[], { from, to }: Range): readonly KafkaRecord[] {
  const [first, last] = [records[0], records.at(-1)];
  if (first === undefined || last === undefined) return records;
  if (first.offset >= from && last.offset < to) return records;
  return records.filter(({ offset }) => offset >= from && offset < to);
}
