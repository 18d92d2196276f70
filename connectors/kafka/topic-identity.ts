import type { LogClient } from './log-client.ts';

/** A topic that can't be seen for this long is gone; less may be a broker that is still loading. */
const MISSING_MS = 3_000;

/**
 * Remembers by its id the topic that each partition was started on, for the life of the consumer
 * and over rebalances. A topic that was deleted and made again has another id, so it is never taken
 * for the one before.
 */
export interface TopicIdentity {
  /** The id to read this partition from; undefined while the brokers know no such topic. */
  pinned(partition: number): Promise<string | undefined>;
  /**
   * Which of these partitions were started on a topic that is gone by now? Undefined while the
   * brokers know no such topic, but not for long yet.
   */
  gone(partitions: readonly number[]): Promise<ReadonlySet<number> | undefined>;
  /** The receiver was told: the next start of this partition takes the topic as it is then. */
  forget(partition: number): void;
}

export function createTopicIdentity(topic: string, log: LogClient): TopicIdentity {
  const pins = new Map<number, string>();
  let current: string | undefined;
  let missingSince: number | undefined;

  const look = async (): Promise<void> => {
    const id = await log.topicId(topic);
    current = id ?? undefined;
    missingSince = id === null ? (missingSince ?? Date.now()) : undefined;
  };

  return {
    pinned: async (partition) => {
      const pin = pins.get(partition);
      if (pin !== undefined) return pin;
      if (current === undefined) await look();
      if (current !== undefined) pins.set(partition, current);
      return current;
    },
    gone: async (partitions) => {
      await look();
      if (missingSince !== undefined && Date.now() - missingSince < MISSING_MS) return undefined;
      const gone = new Set<number>();
      for (const partition of partitions) {
        const pin = pins.get(partition);
        if (pin === undefined && current !== undefined) pins.set(partition, current);
        else if (pin !== current) gone.add(partition);
      }
      return gone;
    },
    forget: (partition) => {
      pins.delete(partition);
    },
  };
}
