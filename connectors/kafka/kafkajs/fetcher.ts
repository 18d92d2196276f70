import { setTimeout as delay } from 'node:timers/promises';
import { MarqueeError } from '../../../common/error.ts';
import { decodedBatch } from '../decoded-batch.ts';
import { decompress } from '../../../common/kafka/decompress.ts';
import type {
  SubscribedPartition,
  SubscriptionState,
  CompletedFetch,
} from '../subscription-state.ts';
import { send } from '../../../common/kafka/send-consumer-request.ts';
import type { KafkajsBroker, KafkajsFetch } from '../../../common/kafka/kafkajs-internals.ts';
import type { LogClient } from '../log-client.ts';
import type { FetchedPartition } from '../../../common/kafka/consumer-requests.ts';
import {
  NO_ERROR,
  OFFSET_OUT_OF_RANGE,
  STALE_LEADER_CODES,
  TOPIC_UNKNOWN_CODES,
  fetchRequest,
} from '../../../common/kafka/consumer-requests.ts';
import type { KafkaRecord } from '../../../common/kafka/record.ts';
import type { ConsumerOptions, FetchedBatch, TopicPartition } from '../port.ts';
import {
  decodeRecords,
  scanBatches,
  visibleBatches,
} from '../../../common/kafka/record-batch-decoder.ts';
import type { RecordBatch } from '../../../common/kafka/record-batch-decoder.ts';
import { createSignal } from '../../../common/signal.ts';
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
  readonly outOfLog: (partition: TopicPartition, detail: string) => void;
  readonly fault: (error: Error) => void;
  readonly refreshMetadata: () => Promise<void>;
}

export interface Fetcher {
  /** Reads once what `broker` leads of the held partitions; waits when there is nothing to read. */
  fetch(broker: KafkajsBroker, request: KafkajsFetch): Promise<void>;
  /** Something may be readable now: whoever waits looks again. */
  wake(): void;
}

interface Asked {
  readonly entry: SubscribedPartition;
  readonly round: number;
  readonly offset: number;
  readonly topicId: string;
}

/**
 * The fetch side of the kafkajs adapter. kafkajs's own loop calls `fetch` in place of its own; the
 * offsets asked for are the ones held here, so its group offsets and its reset to a default offset
 * have no part in reading.
 */
export function createFetcher(parts: FetcherParts): Fetcher {
  const { options, subscription: held, fault } = parts;
  const signal = createSignal();
  let turn = 0;

  const readable = (request: KafkajsFetch): SubscribedPartition[] => {
    const entries = request.topics.flatMap(({ partitions }) =>
      partitions.flatMap(({ partition }) => held.get(partition) ?? []),
    );
    return entries.filter((e) => e.phase === 'reading' && !e.paused);
  };

  const fetch = async (broker: KafkajsBroker, request: KafkajsFetch): Promise<void> => {
    const ready = readable(request);
    for (const entry of ready) {
      deliverParked(parts, entry);
      await deliverRest(parts, entry);
    }
    const entries = ready.filter((e) => e.phase === 'reading' && !e.paused);
    if (entries.length === 0) return signal.wait(request.maxWaitTime);
    const asked = await pin(parts, rotate(entries, (turn += 1)));
    if (asked.length === 0) return signal.wait(RETRY_MS);
    const waiting = held.all().some((e) => e.phase === 'reading' && e.paused);
    const waitMs = waiting
      ? Math.min(WAIT_MS_WHILE_PAUSED, request.maxWaitTime)
      : request.maxWaitTime;
    const answers = await ask(broker, asked, waitMs);
    for (const answer of answers) await settle(answer, asked);
  };

  const ask = async (
    broker: KafkajsBroker,
    asked: readonly Asked[],
    waitMs: number,
  ): Promise<readonly FetchedPartition[]> => {
    const topics = [...Map.groupBy(asked, ({ topicId }) => topicId)].map(([id, partitions]) => ({
      id,
      partitions: partitions.map(({ entry, offset }) => ({ partition: entry.partition, offset })),
    }));
    const { fetchBytesMax, partitionBytesMax } = options;
    const limits = { maxBytes: fetchBytesMax, partitionMaxBytes: partitionBytesMax };
    const request = fetchRequest({ maxWaitMs: waitMs, ...limits, topics });
    try {
      const { errorCode, partitions } = await send(broker, request, waitMs);
      if (errorCode === NO_ERROR) return partitions;
      fault(new Error(`Kafka refused a fetch of ${options.topic}: error ${String(errorCode)}`));
    } catch (error) {
      if (error instanceof MarqueeError && !error.retriable) throw error;
      fault(error instanceof Error ? error : new Error(String(error)));
    }
    await delay(RETRY_MS);
    return [];
  };

  const settle = async (answer: FetchedPartition, asked: readonly Asked[]): Promise<void> => {
    const was = asked.find(({ entry }) => entry.partition === answer.partition);
    if (was === undefined || isStale(was)) return;
    if (answer.errorCode !== NO_ERROR) return explain(parts, was, answer.errorCode);
    was.entry.fetched = scan(was.entry, answer);
    await deliverRest(parts, was.entry);
  };

  return { fetch, wake: signal.raise };
}

function isStale({ entry, round, offset }: Asked): boolean {
  return entry.round !== round || entry.phase !== 'reading' || entry.position !== offset;
}

/** Brokers fill a response in the order asked: each partition gets its turn at the front. */
function rotate(entries: SubscribedPartition[], turn: number): SubscribedPartition[] {
  const at = turn % entries.length;
  return [...entries.slice(at), ...entries.slice(0, at)];
}

function hand(parts: FetcherParts, entry: SubscribedPartition, batch: FetchedBatch): void {
  entry.position = batch.next;
  parts.deliver(batch);
}

function deliverParked(parts: FetcherParts, entry: SubscribedPartition): void {
  const { undelivered: parked } = entry;
  if (parked === undefined) return;
  entry.undelivered = undefined;
  hand(parts, entry, parked);
}

/** Says which topic each partition is read from: the one that it was started on, by id. */
async function pin(parts: FetcherParts, entries: readonly SubscribedPartition[]): Promise<Asked[]> {
  const asked: Asked[] = [];
  for (const entry of entries) {
    const { round, position } = entry;
    const topicId = await parts.identity.pinned(entry.partition);
    const still = entry.round === round && entry.phase === 'reading';
    if (!still || topicId === undefined) continue;
    asked.push({ entry, round, offset: position, topicId });
  }
  return asked;
}

async function explain(parts: FetcherParts, was: Asked, errorCode: number): Promise<void> {
  const { topic, partition } = was.entry;
  const place = `${topic}, partition ${String(partition)}, offset ${String(was.offset)}`;
  if (errorCode === OFFSET_OUT_OF_RANGE) {
    const bounds = (await parts.log.bounds(topic, [partition])).get(partition);
    if (isStale(was)) return;
    if (bounds !== undefined && (was.offset < bounds.start || was.offset > bounds.end)) {
      raise(parts, was, `the log holds ${String(bounds.start)} to ${String(bounds.end)}`);
      return;
    }
  } else if (TOPIC_UNKNOWN_CODES.has(errorCode)) {
    const gone = await parts.identity.gone([partition]);
    if (isStale(was)) return;
    if (gone?.has(partition) === true) {
      raise(parts, was, 'topic gone or made again');
      return;
    }
  } else if (STALE_LEADER_CODES.has(errorCode)) {
    await parts.refreshMetadata();
  }
  parts.fault(new Error(`Kafka can't read ${place} now: error ${String(errorCode)}`));
  await delay(RETRY_MS);
}

function raise(parts: FetcherParts, { entry, offset }: Asked, reason: string): void {
  entry.phase = 'out-of-log';
  const { topic, partition } = entry;
  parts.identity.forget(partition);
  parts.outOfLog({ topic, partition }, `asked for offset ${String(offset)}: ${reason}`);
}

/** Together at least so many compressed bytes are decoded and delivered at once. */
const DELIVERY_BYTES = 48 * 1024;

/**
 * Decodes and delivers a fetch bit by bit, for as long as the receiver does not pause: so what waits
 * in memory is bounded by what the receiver takes, not by how well the log is compressed.
 */
async function deliverRest(parts: FetcherParts, entry: SubscribedPartition): Promise<void> {
  const { round } = entry;
  for (
    let { fetched: rest } = entry;
    rest !== undefined && !entry.paused;
    { fetched: rest } = entry
  ) {
    const batch = await decodeSome(entry, rest);
    if (entry.round !== round || entry.phase !== 'reading') return;
    if (rest.at >= rest.batches.length) entry.fetched = undefined;
    if (isPaused(entry)) entry.undelivered = batch;
    else hand(parts, entry, batch);
  }
}

/** Asked anew: the receiver may have paused while a batch was being decoded. */
function isPaused(entry: SubscribedPartition): boolean {
  return entry.paused;
}

async function decodeSome(entry: SubscribedPartition, rest: CompletedFetch): Promise<FetchedBatch> {
  const { topic, partition, position: from } = entry;
  const some: RecordBatch[] = [];
  let bytes = 0;
  let next = from;
  for (; rest.at < rest.batches.length && bytes < DELIVERY_BYTES; rest.at += 1) {
    const batch = rest.batches[rest.at] as RecordBatch;
    next = batch.lastOffset + 1;
    if (!rest.visible.has(batch)) continue;
    some.push(batch);
    bytes += batch.body.length;
  }
  try {
    const bodies = await Promise.all(some.map(({ codec, body }) => decompress(codec, body)));
    const place = { topic, partition, from, next, logEnd: rest.logEnd };
    return encodedBatch(place, some, bodies);
  } catch (cause) {
    throw unreadable({ topic, partition, position: from }, cause);
  }
}

type Place = Omit<FetchedBatch, 'count' | 'bytes' | 'records'>;

/** Keeps the bytes; only where reading starts inside a batch is it looked into at once. */
function encodedBatch(
  place: Place,
  batches: readonly RecordBatch[],
  bodies: readonly Buffer[],
): FetchedBatch {
  const { topic, partition, from } = place;
  const records = (): KafkaRecord[] => {
    const decoded: KafkaRecord[] = [];
    try {
      for (const [i, batch] of batches.entries()) {
        decodeRecords(batch, bodies[i] ?? Buffer.alloc(0), from, decoded);
      }
    } catch (cause) {
      throw unreadable({ topic, partition, position: from }, cause);
    }
    return decoded;
  };
  if ((batches[0]?.baseOffset ?? from) < from) return decodedBatch(place, records());
  const count = batches.reduce((sum, batch) => sum + batch.count, 0);
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  return { ...place, count, bytes, records };
}

function scan(entry: SubscribedPartition, answer: FetchedPartition): CompletedFetch | undefined {
  try {
    const batches = scanBatches(answer.records);
    if (batches.length === 0) return undefined;
    const visible = new Set(visibleBatches(batches, answer.aborted));
    return { batches, visible, logEnd: answer.highWatermark, at: 0 };
  } catch (cause) {
    throw unreadable(entry, cause);
  }
}

function unreadable(
  { topic, partition, position }: Pick<SubscribedPartition, 'topic' | 'partition' | 'position'>,
  cause: unknown,
): MarqueeError {
  const hint = cause instanceof MarqueeError ? ` ${cause.message}` : '';
  return new MarqueeError(
    'MARQUEE_KAFKA_UNREADABLE',
    `Can't read what Kafka holds at ${topic}, partition ${String(partition)}, offset ` +
      `${String(position)}.${hint}`,
    { cause },
  );
}
