import { setTimeout as delay } from 'node:timers/promises';
import { MarqueeError, asError } from '../../../common/error.ts';
import type { LogClient } from '../log-client.ts';
import { describeLoss } from '../log-loss.ts';
import type { LogLoss } from '../log-loss.ts';
import type { ConsumerHandlers, ConsumerOptions } from '../port.ts';
import { createStallWatch } from '../stall-watch.ts';
import type { StallWatch } from '../stall-watch.ts';
import type { SubscribedPartition, SubscriptionState } from '../subscription-state.ts';
import type { TopicIdentity } from '../topic-identity.ts';
import { createAssignments } from './assignments.ts';
import type { Assignments } from './assignments.ts';
import { createRdkafkaClient } from './client.ts';
import type { Consumed, RdkafkaClient, RdkafkaError } from './client.ts';
import { createIntake } from './intake.ts';
import type { Intake } from './intake.ts';

/** Messages asked for at once; fewer when they are large, since a call has no bound in bytes. */
const CONSUME_COUNT_MAX = 500;
const CONSUME_BYTES = 8 * 1024 * 1024;
const RETRY_MS = 200;
/** Between two empty calls to consume libuv's thread is free for others. */
const IDLE_MS = 10;
/** librdkafka wants to tell the group; where no broker answers, nobody waits longer than this. */
const CLOSE_MS = 5_000;

export interface MembershipParts {
  readonly options: ConsumerOptions;
  readonly subscription: SubscriptionState;
  readonly identity: TopicIdentity;
  readonly log: LogClient;
  readonly handlers: ConsumerHandlers;
  readonly fault: (error: Error) => void;
}

/** One librdkafka consumer from its connection to its close. */
export interface Membership {
  readonly client: RdkafkaClient;
  /** Polls until `close`; rejects on what no retry mends. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** Rejects when no broker answers. */
export async function openMembership(parts: MembershipParts): Promise<Membership> {
  const { options, subscription, handlers, fault, log, identity } = parts;
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => undefined);
  const fail = (error: unknown): void => {
    reject(asError(error));
  };
  const client: RdkafkaClient = createRdkafkaClient(options, {
    rebalance: (...rebalance) => {
      assignments.onRebalance(...rebalance);
    },
    error: (error) => {
      if (FATAL_CODES.has(error.code)) fail(fatal(options, error));
      else fault(error);
    },
  });
  const assignments = createAssignments({ client, subscription, identity, handlers, fault, fail });
  const { isLive, seekAgain } = assignments;
  const outOfLog = (subscribed: SubscribedPartition, loss: LogLoss): void => {
    subscribed.phase = 'out-of-log';
    subscribed.undelivered = undefined;
    const { topic, partition, position } = subscribed;
    identity.forget(partition);
    handlers.offsetOutOfLog({ topic, partition }, describeLoss(position, loss));
  };
  const facts = { subscription, identity, isLive, outOfLog, fault };
  const { batch: deliver } = handlers;
  const bytesMax = options.fetchBytesMax;
  const intake = createIntake({ ...facts, client, deliver, fail, bytesMax });
  const watch = createStallWatch({ ...facts, log, topic: options.topic, seekAgain });

  const closing = new AbortController();
  const close = async (polled: Promise<unknown>): Promise<void> => {
    // No bound: whoever stops waits for the drain, and polling goes on meanwhile.
    await assignments.close();
    closing.abort();
    intake.stop();
    await polled.catch(() => undefined);
    assignments.finish();
    await Promise.race([client.disconnect(), delay(CLOSE_MS, undefined, { ref: false })]);
  };

  try {
    await client.connect();
  } catch (error) {
    closing.abort();
    await client.disconnect();
    throw error;
  }
  const polled = poll(
    { options, client, subscription, assignments, intake, watch, fault },
    closing.signal,
  );
  let closed: Promise<void> | undefined;
  return {
    client,
    ended: Promise.race([polled, failed]),
    close: () => (closed ??= close(polled)),
  };
}

interface PollParts {
  readonly options: ConsumerOptions;
  readonly client: RdkafkaClient;
  readonly subscription: SubscriptionState;
  readonly assignments: Assignments;
  readonly intake: Intake;
  readonly watch: StallWatch;
  readonly fault: (error: Error) => void;
}

async function poll(parts: PollParts, closing: AbortSignal): Promise<void> {
  const { client, subscription, assignments, intake, watch } = parts;
  let largest = 0;
  while (!closing.aborted) {
    await assignments.reconcile();
    for (const subscribed of subscription.all()) {
      if (!subscribed.paused && assignments.isLive(subscribed)) intake.flush(subscribed);
    }
    watch.look();
    if (intake.full) await intake.settled();
    const fits = largest === 0 ? CONSUME_COUNT_MAX : Math.floor(CONSUME_BYTES / largest);
    const consumed = await client.consume(Math.max(1, Math.min(CONSUME_COUNT_MAX, fits)));
    largest = largestOf(consumed, largest * 0.9);
    intake.take(consumed);
    if (consumed.error !== undefined) await handleError(parts, consumed.error);
    else if (consumed.messages.length === 0) await delay(IDLE_MS);
  }
}

function largestOf({ messages }: Consumed, before: number): number {
  let largest = before;
  for (const { size } of messages) largest = Math.max(largest, size);
  return largest;
}

async function handleError(
  { options, fault, watch }: PollParts,
  error: RdkafkaError,
): Promise<void> {
  if (FATAL_CODES.has(error.code)) throw fatal(options, error);
  fault(error);
  watch.lookSoon();
  await delay(RETRY_MS);
}

/**
 * Codes that no retry mends: a fatal client (-150), a fenced static member (-144, 82), a refused
 * topic, group or cluster (29 to 31), an unsupported version (35), a failed login (58).
 */
const FATAL_CODES: ReadonlySet<number> = new Set([-150, -144, 29, 30, 31, 35, 58, 82]);

function fatal(options: ConsumerOptions, cause: Error): MarqueeError {
  return new MarqueeError(
    'MARQUEE_KAFKA_REFUSED',
    `Kafka at ${options.brokers.join(', ')} refused ${options.groupId} on ${options.topic} for ` +
      `good: ${cause.message}. Check its permissions, and that no other process has its ` +
      'instance id.',
    { cause },
  );
}
