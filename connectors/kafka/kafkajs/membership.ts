import { setTimeout as delay } from 'node:timers/promises';
import { settledWithin } from '../../../common/timers.ts';
import type { Consumer, KafkaConfig, logCreator } from 'kafkajs';
import { MarqueeError } from '../../../common/error.ts';
import { createSockets } from '../../../common/kafka/kafkajs-sockets.ts';
import type { SubscriptionState } from '../subscription-state.ts';
import type { Fetcher } from './fetcher.ts';
import { openConsumer } from '../../../common/kafka/kafkajs-internals.ts';
import type {
  KafkajsBroker,
  KafkajsCluster,
  KafkajsFetch,
} from '../../../common/kafka/kafkajs-internals.ts';
import type { ConsumerHandlers, ConsumerOptions } from '../port.ts';

/** Bridges a short outage of a broker; a longer one ends the session and a new one tries. */
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
/** How long kafkajs may take to leave the group and hang up before its sockets are cut. */
const CLOSE_MS = 5_000;

export interface MembershipParts {
  readonly options: ConsumerOptions;
  readonly kafka: KafkaConfig;
  readonly held: SubscriptionState;
  readonly handlers: ConsumerHandlers;
  readonly fault: (error: Error) => void;
  readonly createReader: (refreshMetadata: () => Promise<void>) => Fetcher;
}

export interface Failure {
  readonly error: Error;
  /** A new session would meet it again. */
  readonly fatal: boolean;
}

/** One kafkajs consumer, from its first connection to its crash or its close. */
export interface Membership {
  /** Settles when the session broke: with the reason, or with undefined after `close`. */
  readonly ended: Promise<Failure | undefined>;
  readonly joined: boolean;
  readonly consumer: Consumer;
  wake(): void;
  /** Gives up what is held (`lost`: it is gone already), leaves the group and hangs up. */
  close(lost: boolean): Promise<void>;
}

export function openMembership(parts: MembershipParts): Membership {
  const { options, held, handlers, fault } = parts;
  const sockets = createSockets();
  let closed = false;
  const logCreator = faultLog((error) => {
    // Cutting the sockets at the end makes noise that says nothing.
    if (!closed) fault(error);
  });
  const { consumer, cluster } = openConsumer(
    { ...parts.kafka, socketFactory: sockets.open, logCreator },
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
  const reader = parts.createReader(() => cluster.refreshMetadata());
  const { promise: ended, resolve: end } = Promise.withResolvers<Failure | undefined>();
  let joined = false;
  let closing: Promise<void> | undefined;

  const fail = (error: unknown): void => {
    end({ error: asError(error), fatal: true });
  };
  const crash = (error: unknown): void => {
    end({ error: asError(error), fatal: FATAL_TYPES.has(errorType(error)) });
  };

  const giveUp = async (lost: boolean, boundMs: number): Promise<void> => {
    const gone = held.remove();
    reader.wake();
    if (gone.length === 0) return;
    const revoked = handlers.revoked(gone, lost).catch(fault);
    if (await settled(revoked, boundMs)) return;
    fault(new Error(`revoked took more than ${String(boundMs)} ms: the rebalance goes on`));
  };

  const onJoin = (assignment: Record<string, number[]>): void => {
    joined = true;
    if (closed) return;
    const assigned = held.add(assignment[options.topic] ?? []);
    if (assigned.length > 0) handlers.assigned(assigned).catch(fail);
  };

  const read: Hooks['read'] = async (broker, request) => {
    if (closed) await delay(RETRY_MS / 10);
    else {
      await reader.fetch(broker, request).catch(async (error: unknown) => {
        if (error instanceof MarqueeError && error.retriable) fault(error);
        else fail(error);
        await delay(RETRY_MS);
      });
    }
    return { responses: [] };
  };

  const holdMs = Math.min(options.rebalanceTimeoutMs, options.sessionTimeoutMs) / 2;
  takeOver(cluster, { read, giveUp: (lost) => giveUp(lost, holdMs) });
  consumer.on('consumer.group_join', ({ payload }) => onJoin(payload.memberAssignment));
  consumer.on('consumer.crash', ({ payload }) => crash(payload.error));

  const started = start(consumer, options.topic).catch(crash);

  const close = async (lost: boolean): Promise<void> => {
    await giveUp(lost, NO_BOUND);
    const hangUp = async (): Promise<void> => {
      await consumer.disconnect();
      // kafkajs can't be stopped while it connects or joins: it comes up first.
      await started;
      await consumer.disconnect();
    };
    await settled(hangUp(), CLOSE_MS);
    sockets.close();
    end(undefined);
  };

  return {
    ended,
    get joined() {
      return joined;
    },
    consumer,
    wake: reader.wake,
    close: (lost) => {
      closed = true;
      return (closing ??= close(lost));
    },
  };
}

async function start(consumer: Consumer, topic: string): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    // Never called: what is read goes past kafkajs (see createReader).
    eachBatch: () => Promise.resolve(),
  });
}

interface Hooks {
  readonly read: (
    broker: KafkajsBroker,
    request: KafkajsFetch,
  ) => Promise<{ responses: readonly unknown[] }>;
  readonly giveUp: (lost: boolean) => Promise<void>;
}

/**
 * Puts our reading in the place of kafkajs's, and holds a rebalance until what is held was given up:
 * kafkajs looks for the coordinator just before it joins, and waits for the answer.
 */
function takeOver(cluster: KafkajsCluster, { read, giveUp }: Hooks): void {
  const taken = new WeakSet<KafkajsBroker>();
  const findBroker = cluster.findBroker.bind(cluster);
  const findGroupCoordinator = cluster.findGroupCoordinator.bind(cluster);
  cluster.findBroker = async (node) => {
    const broker = await findBroker(node);
    if (taken.has(broker)) return broker;
    taken.add(broker);
    const heartbeat = broker.heartbeat.bind(broker);
    broker.fetch = (request) => read(broker, request);
    broker.heartbeat = (request) =>
      heartbeat(request).catch(async (error: unknown) => {
        if (LOST_TYPES.has(errorType(error))) await giveUp(true);
        throw error;
      });
    return broker;
  };
  cluster.findGroupCoordinator = async (group) => {
    await giveUp(false);
    return findGroupCoordinator(group);
  };
}

/** What no retry mends: a person has to change a permission, a setting or a version. */
const FATAL_TYPES: ReadonlySet<string> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'UNSUPPORTED_VERSION',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_GROUP_ID',
  'INVALID_SESSION_TIMEOUT',
]);

/** What a coordinator says to a member that it has taken out of the group. */
const LOST_TYPES: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION']);

const REBALANCING = 'The group is rebalancing, so a rejoin is needed';

function faultLog(fault: (error: Error) => void): logCreator {
  return () =>
    ({ namespace, log }) => {
      // Said at each heartbeat of every rebalance: no fault.
      if (log['error'] === REBALANCING) return;
      const cause = typeof log['error'] === 'string' ? ` (${log['error']})` : '';
      const message = `kafkajs ${namespace}: ${log.message}${cause}`;
      fault(new MarqueeError('MARQUEE_KAFKA_CLIENT', message, { retriable: true }));
    };
}

async function settled(work: Promise<unknown>, withinMs: number): Promise<boolean> {
  const done = work.catch(() => undefined);
  if (withinMs !== NO_BOUND) return settledWithin(withinMs, done);
  await done;
  return true;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** kafkajs names a protocol error by its type, e.g. UNKNOWN_MEMBER_ID. */
function errorType(error: unknown): string {
  return error instanceof Error && 'type' in error && typeof error.type === 'string'
    ? error.type
    : '';
}
