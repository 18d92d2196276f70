import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer, KafkaConfig } from 'kafkajs';
import { MarqueeError, asError } from '../../../common/error.ts';
import { openConsumer } from '../../../common/kafka/kafkajs-internals.ts';
import type { KafkajsCluster } from '../../../common/kafka/kafkajs-internals.ts';
import { createSockets } from '../../../common/kafka/kafkajs-sockets.ts';
import { settledWithin } from '../../../common/timers.ts';
import type { ConsumerHandlers, ConsumerOptions } from '../port.ts';
import type { SubscriptionState } from '../subscription-state.ts';
import { hookCluster } from './cluster-hooks.ts';
import type { ClusterHooks } from './cluster-hooks.ts';
import { createFaultLog } from './fault-log.ts';
import type { Fetcher } from './fetcher.ts';
import { failureOf } from './protocol-errors.ts';
import type { Failure } from './protocol-errors.ts';

/** Bridges a short outage of a broker; a longer one ends the membership and a new one tries. */
const GROUP_RETRY = {
  retries: 8,
  initialRetryTime: 100,
  factor: 0.2,
  multiplier: 2,
  maxRetryTime: 2_000,
};
const NO_BOUND = 0;
const METADATA_MAX_AGE_MS = 30_000;
const RETRY_MS = 500;
const CLOSED_WAIT_MS = 50;
/** kafkajs may take so long to leave the group and hang up; then its sockets are cut. */
const CLOSE_MS = 5_000;

export interface MembershipParts {
  readonly options: ConsumerOptions;
  readonly kafka: KafkaConfig;
  readonly subscription: SubscriptionState;
  readonly handlers: ConsumerHandlers;
  readonly fault: (error: Error) => void;
  readonly createFetcher: (refreshMetadata: () => Promise<void>) => Fetcher;
}

/** One kafkajs consumer, from its first connection to its crash or its close. */
export interface Membership {
  /** Settles when the membership broke: with the reason, or with undefined after `close`. */
  readonly ended: Promise<Failure | undefined>;
  readonly joined: boolean;
  readonly consumer: Consumer;
  wakeup(): void;
  /** Gives up the subscription (`lost`: it is gone already), leaves the group and hangs up. */
  close(lost: boolean): Promise<void>;
}

export function openMembership(parts: MembershipParts): Membership {
  const { options, subscription, handlers, fault } = parts;
  const sockets = createSockets();
  const { promise: ended, resolve: end } = Promise.withResolvers<Failure | undefined>();
  let joined = false;
  let closed = false;
  let closing: Promise<void> | undefined;
  const { consumer, cluster } = openGroupConsumer(parts, sockets.open, (error) => {
    // Cutting the sockets at the end makes noise that says nothing.
    if (!closed) fault(error);
  });
  const fetcher = parts.createFetcher(() => cluster.refreshMetadata());

  const fail = (error: unknown): void => {
    end({ error: asError(error), fatal: true });
  };
  const crash = (error: unknown): void => {
    end(failureOf(error));
  };

  const assign = (partitions: readonly number[]): void => {
    joined = true;
    if (closed) return;
    const assigned = subscription.assign(partitions);
    if (assigned.length > 0) handlers.assigned(assigned).catch(fail);
  };

  const refused = async (error: unknown): Promise<void> => {
    if (error instanceof MarqueeError && error.retriable) fault(error);
    else fail(error);
    await delay(RETRY_MS);
  };
  const fetch: ClusterHooks['fetch'] = async (broker, request) => {
    await (closed ? delay(CLOSED_WAIT_MS) : fetcher.fetch(broker, request).catch(refused));
    return { responses: [] };
  };

  const rebalanceWaitMs = Math.min(options.rebalanceTimeoutMs, options.sessionTimeoutMs) / 2;
  hookCluster(cluster, {
    fetch,
    revoke: (lost) => revokeAll(parts, fetcher, lost, rebalanceWaitMs),
  });
  consumer.on('consumer.group_join', ({ payload }) => {
    assign(payload.memberAssignment[options.topic] ?? []);
  });
  consumer.on('consumer.crash', ({ payload }) => crash(payload.error));
  const started = start(consumer, options.topic).catch(crash);

  const close = async (lost: boolean): Promise<void> => {
    await revokeAll(parts, fetcher, lost, NO_BOUND);
    await settled(hangUp(consumer, started), CLOSE_MS);
    sockets.close();
    end(undefined);
  };

  return {
    ended,
    get joined() {
      return joined;
    },
    consumer,
    wakeup: fetcher.wakeup,
    close: (lost) => {
      closed = true;
      return (closing ??= close(lost));
    },
  };
}

function openGroupConsumer(
  { options, kafka }: MembershipParts,
  socketFactory: NonNullable<KafkaConfig['socketFactory']>,
  fault: (error: Error) => void,
): { consumer: Consumer; cluster: KafkajsCluster } {
  return openConsumer(
    { ...kafka, socketFactory, logCreator: createFaultLog(fault) },
    {
      groupId: options.groupId,
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: options.rebalanceTimeoutMs,
      heartbeatInterval: options.heartbeatIntervalMs,
      maxWaitTimeInMs: Math.min(options.fetchWaitMs, options.heartbeatIntervalMs),
      metadataMaxAge: options.metadataMaxAgeMs ?? METADATA_MAX_AGE_MS,
      allowAutoTopicCreation: false,
      retry: { ...GROUP_RETRY, restartOnFailure: () => Promise.resolve(false) },
    },
  );
}

/** Gives up the subscription, and waits for the receiver at most that long. */
async function revokeAll(
  { subscription, handlers, fault }: MembershipParts,
  fetcher: Fetcher,
  lost: boolean,
  boundMs: number,
): Promise<void> {
  const revoked = subscription.revoke();
  fetcher.wakeup();
  if (revoked.length === 0) return;
  if (await settled(handlers.revoked(revoked, lost).catch(fault), boundMs)) return;
  fault(new Error(`revoked took more than ${boundMs} ms: the rebalance goes on`));
}

async function start(consumer: Consumer, topic: string): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    // Never called: what is fetched goes past kafkajs (see hookCluster).
    eachBatch: () => Promise.resolve(),
  });
}

async function hangUp(consumer: Consumer, started: Promise<void>): Promise<void> {
  await consumer.disconnect();
  // kafkajs can't be stopped while it connects or joins: it comes up first.
  await started;
  await consumer.disconnect();
}

async function settled(work: Promise<unknown>, withinMs: number): Promise<boolean> {
  const done = work.catch(() => undefined);
  if (withinMs !== NO_BOUND) return settledWithin(withinMs, done);
  await done;
  return true;
}
