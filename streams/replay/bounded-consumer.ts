import { decodedBatch } from '../../connectors/kafka/decoded-batch.ts';
import type {
  ConsumerHandlers,
  FetchedBatch,
  KafkaConsumer,
  TopicPartition,
} from '../../connectors/kafka/port.ts';

/** A consumer that reads up to given offsets and waits there: its log seems to end at them. */
export interface BoundedConsumer {
  readonly consumer: KafkaConsumer;
  /** Moves the ends forward; partitions that wait there are read on. */
  raise(limits: ReadonlyMap<number, number>): void;
}

/**
 * Wraps a consumer for a replay. Partitions without a limit are not handed on at all, and nothing is
 * told to Kafka: the live processor's group is the one that counts.
 */
export function boundConsumer(
  inner: KafkaConsumer,
  topic: string,
  initial: ReadonlyMap<number, number>,
): BoundedConsumer {
  const limits = new Map(initial);
  /** Partitions at their limit, with the offset to go on from. */
  const parked = new Map<number, number>();
  /** Paused by the owner of the handlers, who alone may resume them. */
  const paused = new Set<number>();

  const limitOf = (partition: number) => limits.get(partition) ?? 0;
  const known = (partitions: readonly TopicPartition[]) =>
    partitions.filter((p) => limits.has(p.partition));

  function park(partition: number, offset: number): void {
    parked.set(partition, offset);
    inner.pause({ topic, partition });
  }

  /** What lies below the limit, or null when nothing does. */
  function cut(batch: FetchedBatch): FetchedBatch | null {
    const limit = limitOf(batch.partition);
    const logEnd = Math.min(batch.logEnd, limit);
    if (batch.next <= limit) return { ...batch, logEnd };
    if (batch.from >= limit) return null;
    const records = batch.records().filter((record) => record.offset < limit);
    return decodedBatch({ ...batch, next: limit, logEnd }, records);
  }

  const bounded = (handlers: ConsumerHandlers): ConsumerHandlers => ({
    ...handlers,
    assigned: (partitions) => handlers.assigned(known(partitions)),
    revoked(partitions, lost) {
      for (const { partition } of partitions) {
        parked.delete(partition);
        paused.delete(partition);
      }
      return handlers.revoked(known(partitions), lost);
    },
    batch(batch) {
      if (parked.has(batch.partition)) return;
      const below = cut(batch);
      if (batch.next >= limitOf(batch.partition))
        park(batch.partition, Math.min(batch.next, limitOf(batch.partition)));
      if (below !== null) handlers.batch(below);
    },
  });

  return {
    consumer: {
      ...inner,
      run: (handlers) => inner.run(bounded(handlers)),
      start(at, offset) {
        paused.delete(at.partition);
        if (offset >= limitOf(at.partition)) {
          park(at.partition, offset);
          return;
        }
        parked.delete(at.partition);
        inner.start(at, offset);
      },
      pause(at) {
        paused.add(at.partition);
        inner.pause(at);
      },
      resume(at) {
        paused.delete(at.partition);
        if (!parked.has(at.partition)) inner.resume(at);
      },
      commit: () => Promise.resolve(),
      async bounds(of, partitions) {
        const bounds = await inner.bounds(of, partitions);
        return new Map(
          [...bounds].map(([partition, { start, end }]) => [
            partition,
            { start, end: Math.max(start, Math.min(end, limitOf(partition))) },
          ]),
        );
      },
    },
    raise(higher) {
      for (const [partition, limit] of higher) {
        if (limit <= limitOf(partition)) continue;
        limits.set(partition, limit);
        const at = parked.get(partition);
        if (at === undefined || at >= limit) continue;
        parked.delete(partition);
        inner.start({ topic, partition }, at);
        if (paused.has(partition)) inner.pause({ topic, partition });
      }
    },
  };
}
