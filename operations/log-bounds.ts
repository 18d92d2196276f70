import { withAdmin } from '../connectors/kafka/admin.ts';
import type { LogBounds } from '../connectors/kafka/port.ts';

/** By topic, then partition: what the log holds for readers of committed records. */
export type TopicBounds = ReadonlyMap<string, ReadonlyMap<number, LogBounds>>;

export function readLogBounds(
  brokers: readonly string[],
  topics: readonly string[],
): Promise<TopicBounds> {
  return withAdmin({ brokers }, async (admin) => {
    const bounds = new Map<string, ReadonlyMap<number, LogBounds>>();
    for (const topic of new Set(topics)) {
      const offsets = await admin.fetchTopicOffsets(topic);
      bounds.set(
        topic,
        new Map(
          offsets
            .toSorted((a, b) => a.partition - b.partition)
            .map((o) => [o.partition, { start: Number(o.low), end: Number(o.high) }]),
        ),
      );
    }
    return bounds;
  });
}
