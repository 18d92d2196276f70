import type { CompletedFetch } from './completed-fetch.ts';
import type { FetchedBatch, TopicPartition } from './port.ts';

/** A partition that the group gave to this member, as an adapter keeps it. */
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

/** The partitions of one topic that this member has, and where each is read. */
export interface SubscriptionState {
  get(partition: number): SubscribedPartition | undefined;
  all(): readonly SubscribedPartition[];
  /** Adds partitions, silent. */
  assign(partitions: readonly number[]): readonly TopicPartition[];
  /** Forgets these (all when not given), returns those it had. Nothing of theirs is valid after. */
  revoke(partitions?: readonly number[]): readonly TopicPartition[];
  /** Reads from `offset` on, not paused. */
  start(partition: number, offset: number): void;
  /** Pausing and resuming mean nothing to a partition that is not being read. */
  pause(partition: number): void;
  resume(partition: number): void;
}

export function createSubscriptionState(topic: string): SubscriptionState {
  const assigned = new Map<number, SubscribedPartition>();
  const setPaused = (partition: number, paused: boolean): void => {
    const subscribed = assigned.get(partition);
    if (subscribed?.phase === 'reading') subscribed.paused = paused;
  };
  return {
    get: (partition) => assigned.get(partition),
    all: () => [...assigned.values()],
    assign: (partitions) => {
      for (const partition of partitions) assigned.set(partition, silent({ topic, partition }));
      return partitions.map((partition) => ({ topic, partition }));
    },
    revoke: (partitions = [...assigned.keys()]) => {
      const revoked: TopicPartition[] = [];
      for (const partition of partitions) {
        const subscribed = assigned.get(partition);
        if (subscribed === undefined || !assigned.delete(partition)) continue;
        // Whoever still works on it sees that it is over.
        beginRound(subscribed, 'silent');
        revoked.push({ topic, partition });
      }
      return revoked;
    },
    start: (partition, offset) => {
      const subscribed = assigned.get(partition);
      if (subscribed === undefined) return;
      beginRound(subscribed, 'reading');
      subscribed.paused = false;
      subscribed.position = offset;
    },
    pause: (partition) => {
      setPaused(partition, true);
    },
    resume: (partition) => {
      setPaused(partition, false);
    },
  };
}

/** It is read, and not paused. */
export function isFetchable({ phase, paused }: SubscribedPartition): boolean {
  return phase === 'reading' && !paused;
}

function silent(place: TopicPartition): SubscribedPartition {
  return {
    ...place,
    phase: 'silent',
    paused: false,
    position: 0,
    round: 0,
    undelivered: undefined,
    fetched: undefined,
  };
}

function beginRound(subscribed: SubscribedPartition, phase: 'silent' | 'reading'): void {
  subscribed.phase = phase;
  subscribed.round += 1;
  subscribed.undelivered = undefined;
  subscribed.fetched = undefined;
}
