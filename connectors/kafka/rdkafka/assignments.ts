import type { ConsumerHandlers } from '../port.ts';
import type { SubscribedPartition, SubscriptionState } from '../subscription-state.ts';
import type { TopicIdentity } from '../topic-identity.ts';
import type { RdkafkaClient, RebalanceKind } from './client.ts';
import { firstOffset, isPauseWanted, isSeekDue } from './client-state.ts';
import type { ClientState } from './client-state.ts';

export interface AssignmentParts {
  readonly client: RdkafkaClient;
  readonly subscription: SubscriptionState;
  readonly identity: TopicIdentity;
  readonly handlers: ConsumerHandlers;
  readonly fault: (error: Error) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Keeps librdkafka in line with what the group gave and the receiver asked for. librdkafka is told
 * only between two calls to consume, so that what a call brings is never older than what it was
 * told.
 */
export interface Assignments {
  /** The group's word; librdkafka waits until `reconcile` answers it, after the receiver did. */
  onRebalance(kind: RebalanceKind, partitions: readonly number[], error: Error | undefined): void;
  /** To be called between two calls to consume. */
  reconcile(): Promise<void>;
  /** Was librdkafka told of this partition's last start? Until then what comes is older. */
  isLive(subscribed: SubscribedPartition): boolean;
  /** Tells librdkafka the position once more. */
  seekAgain(subscribed: SubscribedPartition): void;
  /**
   * Gives up all, however long the receiver takes; rebalances are answered at once from then on.
   */
  close(): Promise<void>;
  /** Says what was left to say. After the last call to consume. */
  finish(): void;
}

export function createAssignments(parts: AssignmentParts): Assignments {
  const { client, subscription, handlers, fault } = parts;
  const told = new WeakMap<SubscribedPartition, ClientState>();
  const answers: (() => void)[] = [];
  let rebalances: Promise<void> = Promise.resolve();
  let closed = false;

  const subscribedOf = (partitions: readonly number[]): SubscribedPartition[] =>
    partitions.flatMap((partition) => subscription.get(partition) ?? []);

  const assign = async (partitions: readonly number[]): Promise<void> => {
    const assigned = subscription.assign(partitions);
    if (assigned.length > 0) await handlers.assigned(assigned);
    await pinTopics(parts, subscribedOf(partitions));
    answers.push(() => {
      const list = subscribedOf(partitions);
      client.assign(list.map(firstOffset));
      for (const subscribed of list)
        told.set(subscribed, { round: subscribed.round, paused: false });
    });
  };

  const unassign = async (partitions: readonly number[], lost: boolean): Promise<void> => {
    await revoke(parts, partitions, lost);
    answers.push(() => {
      client.unassign(partitions);
    });
  };

  const answer = (): void => {
    for (const say of answers.splice(0)) say();
  };

  return {
    onRebalance: (kind, partitions, error) => {
      if (error !== undefined) fault(error);
      if (closed) answerWhileClosing(client, kind, partitions);
      else {
        rebalances = rebalances
          .then(() =>
            kind === 'assign' ? assign(partitions) : unassign(partitions, kind === 'error'),
          )
          .catch(parts.fail);
      }
    },
    reconcile: async () => {
      answer();
      for (const subscribed of subscription.all()) {
        const state = told.get(subscribed);
        if (state === undefined) continue;
        if (isSeekDue(subscribed, state)) await pinTopics(parts, [subscribed]);
        await tell(client, subscribed, state).catch(fault);
      }
    },
    isLive: (subscribed) => told.get(subscribed)?.round === subscribed.round,
    seekAgain: (subscribed) => {
      const state = told.get(subscribed);
      if (state !== undefined) state.round = -1;
    },
    close: async () => {
      await rebalances;
      await revoke(parts, undefined, false);
      closed = true;
    },
    finish: answer,
  };
}

/** All that the member has, when no partitions are named. */
async function revoke(
  { subscription, handlers, fault }: AssignmentParts,
  partitions: readonly number[] | undefined,
  lost: boolean,
): Promise<void> {
  const revoked = subscription.revoke(partitions);
  if (revoked.length > 0) await handlers.revoked(revoked, lost).catch(fault);
}

/** The topic's id must be known before anything is read of it: see createIntake. */
async function pinTopics(
  { identity, fault }: AssignmentParts,
  partitions: readonly SubscribedPartition[],
): Promise<void> {
  for (const { phase, partition } of partitions) {
    if (phase === 'reading') await identity.pinned(partition).catch(fault);
  }
}

async function tell(
  client: RdkafkaClient,
  subscribed: SubscribedPartition,
  state: ClientState,
): Promise<void> {
  const { partition, round, position } = subscribed;
  if (isSeekDue(subscribed, state)) {
    await client.seek(partition, position);
    state.round = round;
  }
  const paused = isPauseWanted(subscribed);
  if (paused === state.paused) return;
  if (paused) client.pause([partition]);
  else client.resume([partition]);
  state.paused = paused;
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
