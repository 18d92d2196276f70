import type { SubscribedPartition, SubscriptionState } from '../subscription-state.ts';
import type { ConsumerHandlers } from '../port.ts';
import type { RdkafkaClient, RebalanceKind } from './client.ts';
import type { TopicIdentity } from '../topic-identity.ts';

const OFFSET_END = -1;

export interface AssignmentParts {
  readonly client: RdkafkaClient;
  readonly held: SubscriptionState;
  readonly identity: TopicIdentity;
  readonly handlers: ConsumerHandlers;
  readonly fault: (error: Error) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Keeps librdkafka in line with what the group gave and the receiver asked for. librdkafka is told
 * only between two calls to consume, so that what a call brings is never older than what it was told.
 */
export interface Assignments {
  /** The group's word; librdkafka waits until `reconcile` answers it, after the receiver did. */
  onRebalance(kind: RebalanceKind, partitions: readonly number[], error: Error | undefined): void;
  /** To be called between two calls to consume. */
  reconcile(): Promise<void>;
  /** Was librdkafka told of this entry's last start? Until then what comes is older. */
  isLive(entry: SubscribedPartition): boolean;
  /** Tells librdkafka the position once more. */
  again(entry: SubscribedPartition): void;
  /** Gives up all, however long the receiver takes; rebalances are answered at once from then on. */
  close(): Promise<void>;
  /** Says what was left to say. After the last call to consume. */
  finish(): void;
}

/** What librdkafka was last told about a partition. */
interface Told {
  round: number;
  paused: boolean;
}

export function createAssignments(parts: AssignmentParts): Assignments {
  const { client, held, identity, handlers, fault } = parts;
  const told = new WeakMap<SubscribedPartition, Told>();
  const answers: (() => void)[] = [];
  let rebalances: Promise<void> = Promise.resolve();
  let closed = false;

  /** Which topic this is must be known before anything is read of it: see createIntake. */
  const pin = async (entries: readonly SubscribedPartition[]): Promise<void> => {
    for (const { phase, partition } of entries) {
      if (phase === 'reading') await identity.pinned(partition).catch(fault);
    }
  };

  const entriesOf = (partitions: readonly number[]): SubscribedPartition[] =>
    partitions.flatMap((partition) => held.get(partition) ?? []);

  const take = async (partitions: readonly number[]): Promise<void> => {
    const assigned = held.add(partitions);
    if (assigned.length > 0) await handlers.assigned(assigned);
    await pin(entriesOf(partitions));
    answers.push(() => {
      const entries = entriesOf(partitions);
      client.assign(entries.map((entry) => firstOffset(entry)));
      for (const entry of entries) told.set(entry, { round: entry.round, paused: false });
    });
  };

  const giveUp = async (partitions: readonly number[], lost: boolean): Promise<void> => {
    const gone = held.remove(partitions);
    if (gone.length > 0) await handlers.revoked(gone, lost).catch(fault);
    answers.push(() => {
      client.unassign(partitions);
    });
  };

  const isLive = (entry: SubscribedPartition): boolean => told.get(entry)?.round === entry.round;

  return {
    onRebalance: (kind, partitions, error) => {
      if (error !== undefined) fault(error);
      if (closed) answerWhileClosing(client, kind, partitions);
      else {
        rebalances = rebalances
          .then(() => (kind === 'assign' ? take(partitions) : giveUp(partitions, kind === 'error')))
          .catch(parts.fail);
      }
    },
    reconcile: async () => {
      for (const answer of answers.splice(0)) answer();
      for (const entry of held.all()) {
        const state = told.get(entry);
        if (state === undefined) continue;
        if (!isLive(entry)) await pin([entry]);
        await tell(client, entry, state).catch(fault);
      }
    },
    isLive,
    again: (entry) => {
      const state = told.get(entry);
      if (state !== undefined) state.round = -1;
    },
    close: async () => {
      await rebalances;
      const gone = held.remove();
      if (gone.length > 0) await handlers.revoked(gone, false).catch(fault);
      closed = true;
    },
    finish: () => {
      for (const answer of answers.splice(0)) answer();
    },
  };
}

function firstOffset(entry: SubscribedPartition): { partition: number; offset: number } {
  const { partition, phase, position } = entry;
  return { partition, offset: phase === 'reading' ? position : OFFSET_END };
}

async function tell(client: RdkafkaClient, entry: SubscribedPartition, state: Told): Promise<void> {
  const { partition, round, position } = entry;
  if (entry.phase === 'reading' && state.round !== round) {
    await client.seek(partition, position);
    state.round = round;
  }
  // A short pause is left to the parking of what is already under way: pausing librdkafka throws
  // away what it has fetched ahead.
  const pause = entry.phase !== 'reading' || (entry.paused && entry.undelivered !== undefined);
  if (pause === state.paused) return;
  if (pause) client.pause([partition]);
  else client.resume([partition]);
  state.paused = pause;
}

/** Everything was given up before; librdkafka waits for the word, or is past caring. */
function answerWhileClosing(
  client: RdkafkaClient,
  kind: RebalanceKind,
  partitions: readonly number[],
): void {
  try {
    if (kind === 'assign') client.assign([]);
    else client.unassign(partitions);
  } catch {
    // Disconnected already: nobody waits.
  }
}
