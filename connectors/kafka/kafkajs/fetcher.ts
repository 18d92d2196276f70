import { setTimeout as delay } from 'node:timers/promises';
import { MarqueeError, asError } from '../../../common/error.ts';
import {
  NO_ERROR,
  OFFSET_OUT_OF_RANGE,
  STALE_LEADER_CODES,
  TOPIC_UNKNOWN_CODES,
  fetchRequest,
} from '../../../common/kafka/consumer-requests.ts';
import type { FetchedPartition } from '../../../common/kafka/consumer-requests.ts';
import { send } from '../../../common/kafka/send-consumer-request.ts';
import type { KafkajsBroker, KafkajsFetch } from '../../../common/kafka/kafkajs-internals.ts';
import { createSignal } from '../../../common/signal.ts';
import { completedFetch, isDrained, nextOf } from '../completed-fetch.ts';
import type { LogClient } from '../log-client.ts';
import { TOPIC_REPLACED, describeLoss, lossOutside } from '../log-loss.ts';
import type { LogLoss } from '../log-loss.ts';
import type { ConsumerOptions, FetchedBatch, TopicPartition } from '../port.ts';
import { isFetchable } from '../subscription-state.ts';
import type { SubscribedPartition, SubscriptionState } from '../subscription-state.ts';
import type { TopicIdentity } from '../topic-identity.ts';

/** While a partition is paused, a fetch of the others mustn't keep it waiting once it resumes. */
const WAIT_MS_WHILE_PAUSED = 20;
const RETRY_MS = 250;

export interface FetcherParts {
  readonly options: ConsumerOptions;
  readonly subscription: SubscriptionState;
  readonly identity: TopicIdentity;
  readonly log: LogClient;
  readonly deliver: (batch: FetchedBatch) => void;
  readonly offsetOutOfLog: (partition: TopicPartition, detail: string) => void;
  readonly fault: (error: Error) => void;
  readonly refreshMetadata: () => Promise<void>;
}

export interface Fetcher {
  /** Reads once what `broker` leads of the subscription; waits when there is nothing to read. */
  fetch(broker: KafkajsBroker, request: KafkajsFetch): Promise<void>;
  /** Something may be fetchable now: whoever waits looks again. */
  wakeup(): void;
}

/** A partition as it is asked for in a request. */
interface FetchPosition {
  readonly subscribed: SubscribedPartition;
  readonly round: number;
  readonly offset: number;
  readonly topicId: string;
}

/**
 * The fetch side of the kafkajs adapter. kafkajs's own loop calls `fetch` in place of its own; the
 * offsets asked for are the subscription's, so its group offsets and its reset to a default offset
 * have no part in reading.
 */
export function createFetcher(parts: FetcherParts): Fetcher {
  const { subscription } = parts;
  const signal = createSignal();
  let turn = 0;

  const fetch = async (broker: KafkajsBroker, request: KafkajsFetch): Promise<void> => {
    const ready = fetchablePartitions(subscription, request);
    for (const subscribed of ready) {
      deliverUndelivered(parts, subscribed);
      await deliverFetched(parts, subscribed);
    }
    const drained = ready.filter(isFetchable);
    if (drained.length === 0) return signal.wait(request.maxWaitTime);
    const positions = await fetchPositions(parts, rotate(drained, (turn += 1)));
    if (positions.length === 0) return signal.wait(RETRY_MS);
    const answers = await sendFetch(parts, broker, positions, waitMsOf(subscription, request));
    for (const answer of answers) await handleAnswer(parts, answer, positions);
  };

  return { fetch, wakeup: signal.raise };
}

function fetchablePartitions(
  subscription: SubscriptionState,
  { topics }: KafkajsFetch,
): SubscribedPartition[] {
  const partitions = topics.flatMap((topic) => topic.partitions);
  return partitions
    .flatMap(({ partition }) => subscription.get(partition) ?? [])
    .filter(isFetchable);
}

function waitMsOf(subscription: SubscriptionState, { maxWaitTime }: KafkajsFetch): number {
  const somePaused = subscription.all().some((s) => s.phase === 'reading' && s.paused);
  return somePaused ? Math.min(WAIT_MS_WHILE_PAUSED, maxWaitTime) : maxWaitTime;
}

/** Brokers fill a response in the order asked: each partition gets its turn at the front. */
function rotate<T>(list: readonly T[], turn: number): T[] {
  const at = turn % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

/** Says which topic each partition is read from: the one that it was started on, by id. */
async function fetchPositions(
  { identity }: FetcherParts,
  partitions: readonly SubscribedPartition[],
): Promise<FetchPosition[]> {
  const positions: FetchPosition[] = [];
  for (const subscribed of partitions) {
    const { round, position } = subscribed;
    const topicId = await identity.pinned(subscribed.partition);
    const still = subscribed.round === round && subscribed.phase === 'reading';
    if (!still || topicId === undefined) continue;
    positions.push({ subscribed, round, offset: position, topicId });
  }
  return positions;
}

async function sendFetch(
  { options, fault }: FetcherParts,
  broker: KafkajsBroker,
  positions: readonly FetchPosition[],
  waitMs: number,
): Promise<readonly FetchedPartition[]> {
  const topics = [...Map.groupBy(positions, ({ topicId }) => topicId)].map(([id, asked]) => ({
    id,
    partitions: asked.map(({ subscribed: { partition }, offset }) => ({ partition, offset })),
  }));
  const { fetchBytesMax: maxBytes, partitionBytesMax: partitionMaxBytes } = options;
  const request = fetchRequest({ maxWaitMs: waitMs, maxBytes, partitionMaxBytes, topics });
  try {
    const { errorCode, partitions } = await send(broker, request, waitMs);
    if (errorCode === NO_ERROR) return partitions;
    fault(new Error(`Kafka refused a fetch of ${options.topic}: error ${errorCode}`));
  } catch (error) {
    if (error instanceof MarqueeError && !error.retriable) throw error;
    fault(asError(error));
  }
  await delay(RETRY_MS);
  return [];
}

async function handleAnswer(
  parts: FetcherParts,
  answer: FetchedPartition,
  positions: readonly FetchPosition[],
): Promise<void> {
  const asked = positions.find(({ subscribed }) => subscribed.partition === answer.partition);
  if (asked === undefined || isStale(asked)) return;
  if (answer.errorCode !== NO_ERROR) return handleError(parts, asked, answer.errorCode);
  asked.subscribed.fetched = completedFetch(asked.subscribed, answer);
  await deliverFetched(parts, asked.subscribed);
}

function isStale({ subscribed, round, offset }: FetchPosition): boolean {
  const { phase, position } = subscribed;
  return subscribed.round !== round || phase !== 'reading' || position !== offset;
}

async function handleError(
  parts: FetcherParts,
  asked: FetchPosition,
  errorCode: number,
): Promise<void> {
  const { subscribed, offset } = asked;
  const { topic, partition } = subscribed;
  if (STALE_LEADER_CODES.has(errorCode)) await parts.refreshMetadata();
  const loss = await lossOf(parts, asked, errorCode);
  if (isStale(asked)) return;
  if (loss !== undefined) {
    subscribed.phase = 'out-of-log';
    parts.identity.forget(partition);
    parts.offsetOutOfLog({ topic, partition }, describeLoss(offset, loss));
    return;
  }
  const place = `${topic}, partition ${partition}, offset ${offset}`;
  parts.fault(new Error(`Kafka can't read ${place} now: error ${errorCode}`));
  await delay(RETRY_MS);
}

/**
 * Undefined for an error that may pass: a broker that has not heard of it yet, or a leader moved.
 */
async function lossOf(
  { identity, log }: FetcherParts,
  { subscribed: { topic, partition }, offset }: FetchPosition,
  errorCode: number,
): Promise<LogLoss | undefined> {
  if (errorCode === OFFSET_OUT_OF_RANGE) {
    const bounds = (await log.bounds(topic, [partition])).get(partition);
    return bounds && lossOutside(bounds, offset);
  }
  if (!TOPIC_UNKNOWN_CODES.has(errorCode)) return undefined;
  const gone = await identity.gone([partition]);
  return gone?.has(partition) === true ? TOPIC_REPLACED : undefined;
}

function deliverUndelivered(parts: FetcherParts, subscribed: SubscribedPartition): void {
  const { undelivered } = subscribed;
  if (undelivered === undefined) return;
  subscribed.undelivered = undefined;
  deliver(parts, subscribed, undelivered);
}

/**
 * Decodes and delivers a fetch bit by bit, for as long as the receiver does not pause: so what
 * waits in memory is bounded by what the receiver takes, not by how well the log is compressed.
 */
async function deliverFetched(parts: FetcherParts, subscribed: SubscribedPartition): Promise<void> {
  const { round } = subscribed;
  for (
    let { fetched } = subscribed;
    fetched !== undefined && !subscribed.paused;
    { fetched } = subscribed
  ) {
    const batch = await nextOf(fetched, subscribed);
    if (subscribed.round !== round || subscribed.phase !== 'reading') return;
    if (isDrained(fetched)) subscribed.fetched = undefined;
    // Asked anew: the receiver may have paused while the batch was being decoded.
    if (isFetchable(subscribed)) deliver(parts, subscribed, batch);
    else subscribed.undelivered = batch;
  }
}

function deliver(parts: FetcherParts, subscribed: SubscribedPartition, batch: FetchedBatch): void {
  subscribed.position = batch.next;
  parts.deliver(batch);
}
