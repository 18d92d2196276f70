import type {
  ConsumerHandlers,
  KafkaConsumer,
  TopicPartition,
} from '../../connectors/kafka/port.ts';
import { createOffsetLimits } from './offset-limits.ts';
import type { OffsetLimits } from './offset-limits.ts';

/** A consumer that reads up to given offsets and waits there: its log seems to end at them. */
export interface BoundedConsumer {
  readonly consumer: KafkaConsumer;
  /** Moves the ends forward; partitions that wait there are read on. */
  raise(limits: ReadonlyMap<number, number>): void;
}

/**
 * Wraps a consumer for a replay. Partitions without a limit are not handed on at all, and nothing
 * is told to Kafka: the live processor's group is the one that counts.
 */
export function boundConsumer(
  inner: KafkaConsumer,
  topic: string,
  initial: ReadonlyMap<number, number>,
): BoundedConsumer {
  const limits = createOffsetLimits(initial);
  return {
    consumer: {
      ...inner,
      run: (handlers) => inner.run(boundHandlers(inner, handlers, limits)),
      start(at, offset) {
        if (limits.start(at.partition, offset)) inner.start(at, offset);
        else inner.pause(at);
      },
      pause(at) {
        limits.pause(at.partition);
        inner.pause(at);
      },
      resume(at) {
        if (limits.resume(at.partition)) inner.resume(at);
      },
      commit: () => Promise.resolve(),
      async bounds(of, partitions) {
        const bounds = await inner.bounds(of, partitions);
        return new Map(
          [...bounds].map(([partition, { start, end }]) => [
            partition,
            { start, end: Math.max(start, Math.min(end, limits.of(partition))) },
          ]),
        );
      },
    },
    raise(higher) {
      for (const [partition, limit] of higher) {
        const at = limits.raise(partition, limit);
        if (at === null) continue;
        inner.start({ topic, partition }, at);
        if (limits.isPaused(partition)) inner.pause({ topic, partition });
      }
    },
  };
}

function boundHandlers(
  inner: KafkaConsumer,
  handlers: ConsumerHandlers,
  limits: OffsetLimits,
): ConsumerHandlers {
  const known = (partitions: readonly TopicPartition[]) =>
    partitions.filter(({ partition }) => limits.has(partition));
  return {
    ...handlers,
    assigned: (partitions) => handlers.assigned(known(partitions)),
    revoked(partitions, lost) {
      for (const { partition } of partitions) limits.forget(partition);
      return handlers.revoked(known(partitions), lost);
    },
    batch(batch) {
      const { below, stops } = limits.take(batch);
      if (stops) inner.pause(batch);
      if (below !== null) handlers.batch(below);
    },
  };
}
