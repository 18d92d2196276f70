import { randomBytes } from 'node:crypto';
import { createConsumer } from './create-consumer.ts';
import type { KafkaRecord } from '../../common/kafka/record.ts';
import type { FetchedBatch } from './port.ts';
import { MarqueeError } from '../../common/error.ts';

interface Range {
  readonly from: number;
  readonly to: number;
}

export interface ReadOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Offsets [from, to) by partition; `to` may be Infinity, then reading ends by the signal alone. */
  readonly ranges: ReadonlyMap<number, Range>;
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

/** A partition that is not read to its end yet. */
interface Reading {
  readonly to: number;
  /** One past what was delivered: where reading goes on, also when the group was joined anew. */
  reached: number;
  /** Batches that were delivered and not passed on yet, one after the other. */
  waiting: number;
  passed: Promise<void>;
}

/**
 * Reads committed records of a topic beside the processors: by a consumer group of its own, which
 * commits nothing and is gone afterwards. Each record of the ranges is passed on once and in order,
 * whatever becomes of the group meanwhile.
 */
export async function readRecords(options: ReadOptions): Promise<void> {
  const { topic, ranges, signal } = options;
  const open = new Map<number, Reading>();
  for (const [partition, { from, to }] of ranges)
    if (from < to)
      open.set(partition, { to, reached: from, waiting: 0, passed: Promise.resolve() });
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

  async function pass(batch: FetchedBatch, from: number, reading: Reading): Promise<void> {
    const { partition, next } = batch;
    const { to } = reading;
    await options.turn?.(partition);
    await options.onRecords(partition, within(batch.records(), { from, to }), next >= to);
    reading.waiting--;
    if (next >= to) {
      open.delete(partition);
      if (open.size === 0) end();
    } else if (reading.waiting === 0) consumer.resume(batch);
  }

  try {
    const running = consumer.run({
      assigned(partitions) {
        for (const at of partitions) {
          const reading = open.get(at.partition);
          if (reading !== undefined && reading.reached < reading.to)
            consumer.start(at, reading.reached);
        }
        return Promise.resolve();
      },
      revoked: () => Promise.resolve(),
      batch(batch) {
        const reading = open.get(batch.partition);
        if (reading === undefined) return;
        const from = reading.reached;
        if (from >= reading.to || batch.next <= from) return;
        reading.reached = batch.next;
        reading.waiting++;
        consumer.pause(batch);
        reading.passed = reading.passed.then(() => pass(batch, from, reading));
        reading.passed.catch(finished.reject);
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
