import type { FetchedBatch, TopicPartition } from './port.ts';
import type { RecordBatch } from '../../common/kafka/record-batch-decoder.ts';

/** What a fetch brought beyond what was delivered: kept compressed, a few times smaller so. */
export interface CompletedFetch {
  readonly batches: readonly RecordBatch[];
  /** Those that read_committed shows. */
  readonly visible: ReadonlySet<RecordBatch>;
  readonly logEnd: number;
  /** Index of the first batch that was not delivered. */
  at: number;
}

/** What an adapter knows of a partition that this member holds. */
export interface SubscribedPartition extends TopicPartition {
  /** Silent until `start`; out of the log until `start` again. */
  phase: 'silent' | 'reading' | 'out-of-log';
  paused: boolean;
  /** The offset to read next. Means nothing while silent. */
  position: number;
  /** Raised by each `start`: what was fetched before it is stale. */
  round: number;
  /** Came in while paused; delivered on resume, and nothing more is fetched until then. */
  undelivered: FetchedBatch | undefined;
  fetched: CompletedFetch | undefined;
}

export interface SubscriptionState {
  readonly size: number;
  get(partition: number): SubscribedPartition | undefined;
  all(): readonly SubscribedPartition[];
  /** Adds partitions, silent. */
  add(partitions: readonly number[]): readonly TopicPartition[];
  /** Forgets these (all when not given); says which were held. Nothing of theirs is valid after. */
  remove(partitions?: readonly number[]): readonly TopicPartition[];
}

export function createSubscriptionState(topic: string): SubscriptionState {
  const held = new Map<number, SubscribedPartition>();
  return {
    get size() {
      return held.size;
    },
    get: (partition) => held.get(partition),
    all: () => [...held.values()],
    add: (partitions) => {
      for (const partition of partitions) {
        held.set(partition, {
          topic,
          partition,
          phase: 'silent',
          paused: false,
          position: 0,
          round: 0,
          undelivered: undefined,
          fetched: undefined,
        });
      }
      return partitions.map((partition) => ({ topic, partition }));
    },
    remove: (partitions = [...held.keys()]) => {
      const gone: TopicPartition[] = [];
      for (const partition of partitions) {
        const entry = held.get(partition);
        if (entry === undefined || !held.delete(partition)) continue;
        // Whoever still has the entry in hand sees that it is over.
        entry.phase = 'silent';
        entry.round += 1;
        entry.undelivered = undefined;
        entry.fetched = undefined;
        gone.push({ topic, partition });
      }
      return gone;
    },
  };
}

export function startAt(entry: SubscribedPartition, offset: number): void {
  entry.phase = 'reading';
  entry.paused = false;
  entry.position = offset;
  entry.round += 1;
  entry.undelivered = undefined;
  entry.fetched = undefined;
}
