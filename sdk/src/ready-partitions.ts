import { hasWork } from './partition-accumulator.ts';
import type { PartitionAccumulator } from './partition-accumulator.ts';
import type { TopicAccumulator } from './record-accumulator.ts';

/** Brokers that no request may go to now. */
export interface BrokerAvailability {
  /** Those with a request under way; its end is a reason to look again. */
  readonly inFlight: ReadonlySet<number>;
  /** Time before which a broker that did not answer is left alone; 0 for any other. */
  retryAt(broker: number): number;
}

export interface ReadyOptions {
  readonly lingerMs: number;
  readonly batchBytesMax: number;
  /** Nothing waits for more to come. */
  readonly flushing: boolean;
}

export interface ReadyPartitions {
  /** Partitions to send now, by the broker that leads them: one request each. */
  readonly byLeader: ReadonlyMap<number, readonly PartitionAccumulator[]>;
  /** Time to look again, if nothing changes before; Infinity where only a change helps. */
  readonly nextCheckAt: number;
  /** A partition with records has no leader: new metadata is needed. */
  readonly leaderMissing: boolean;
}

/**
 * A partition is ready when its leader is free and its records are due, or those of another
 * partition of that leader: a request that goes anyhow takes all along. Changes nothing.
 */
export function findReady(
  topics: Iterable<TopicAccumulator>,
  brokers: BrokerAvailability,
  options: ReadyOptions,
  now: number,
): ReadyPartitions {
  const byLeader = new Map<number, PartitionAccumulator[]>();
  let nextCheckAt = Infinity;
  let leaderMissing = false;
  for (const { partitions, leaders } of topics) {
    for (const partition of partitions) {
      if (partition.inFlight || !hasWork(partition)) continue;
      const leader = leaders[partition.partition] ?? -1;
      const retryAt = Math.max(partition.retryAt, brokers.retryAt(leader));
      if (retryAt > now) nextCheckAt = Math.min(nextCheckAt, retryAt);
      else if (leader < 0) leaderMissing = true;
      else if (!brokers.inFlight.has(leader)) addTo(byLeader, leader, partition);
    }
  }
  for (const [leader, partitions] of byLeader) {
    const dueAt = Math.min(...partitions.map((partition) => dueAtOf(partition, options)));
    if (dueAt <= now) continue;
    nextCheckAt = Math.min(nextCheckAt, dueAt);
    byLeader.delete(leader);
  }
  return { byLeader, nextCheckAt, leaderMissing };
}

function addTo<T>(lists: Map<number, T[]>, key: number, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

/** Time at which a partition's records are to go; 0 for at once. */
function dueAtOf(partition: PartitionAccumulator, options: ReadyOptions): number {
  const head = partition.queue.peek();
  const full =
    partition.pendingBatches.length > 0 || partition.queuedBytes >= options.batchBytesMax;
  if (options.flushing || head === undefined || partition.batch !== null || full) return 0;
  return head.queuedAt + options.lingerMs;
}
