import { setTimeout as delay } from 'node:timers/promises';
import { MarqueeError } from '../../schemas/error.ts';
import type { HeldPartition, HeldPartitions } from './held-partitions.ts';
import type { LogClient } from './log-client.ts';
import type { ConsumerHandlers, ConsumerOptions } from './port.ts';
import { createRdkafkaClient } from './rdkafka-client.ts';
import type { RdkafkaClient, RebalanceKind } from './rdkafka-client.ts';
import { createIntake } from './rdkafka-intake.ts';
import type { TopicIdentity } from './topic-identity.ts';
import { createStallWatch } from './stall-watch.ts';

/** Messages asked for at once; fewer when they are large, since a call has no bound in bytes. */
const CONSUME_COUNT_MAX = 500;
const CONSUME_BYTES = 8 * 1024 * 1024;
const RETRY_MS = 200;
/** Between two empty calls to consume libuv's thread is free for others. */
const IDLE_MS = 10;
const CLOSE_MS = 15_000;
const OFFSET_END = -1;

export interface SessionParts {
  readonly options: ConsumerOptions;
  readonly held: HeldPartitions;
  readonly identity: TopicIdentity;
  readonly log: LogClient;
  readonly handlers: ConsumerHandlers;
  readonly fault: (error: Error) => void;
}

/** One librdkafka consumer from its connection to its close. */
export interface Session {
  readonly client: RdkafkaClient;
  /** Polls until `close`; rejects on what no retry mends. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** What librdkafka was last told about a partition. */
interface Told {
  round: number;
  paused: boolean;
}

export async function openSession(parts: SessionParts): Promise<Session> {
  const { options, held, handlers, fault, log, identity } = parts;
  const told = new WeakMap<HeldPartition, Told>();
  const steps: (() => void)[] = [];
  let rebalances: Promise<void> = Promise.resolve();
  let closing: Promise<void> | undefined;
  let closed = false;
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => undefined);
  const fail = (error: unknown): void => {
    reject(error instanceof Error ? error : new Error(String(error)));
  };

  const onRebalance = (
    kind: RebalanceKind,
    partitions: readonly number[],
    error: Error | undefined,
  ): void => {
    if (error !== undefined) fault(error);
    if (closed) {
      answerWhileClosing(client, kind, partitions);
      return;
    }
    rebalances = rebalances
      .then(() => (kind === 'assign' ? take(partitions) : giveUp(partitions, kind === 'error')))
      .catch(fail);
  };

  const take = async (partitions: readonly number[]): Promise<void> => {
    const assigned = held.add(partitions);
    if (assigned.length > 0) await handlers.assigned(assigned);
    await pinAll(partitions);
    steps.push(() => {
      const entries = partitions.flatMap((partition) => held.get(partition) ?? []);
      client.assign(entries.map((entry) => firstOffset(entry)));
      for (const entry of entries) told.set(entry, { round: entry.round, paused: false });
    });
  };

  /** Which topic this is must be known before anything is read of it: see createIntake. */
  const pinAll = async (partitions: readonly number[]): Promise<void> => {
    for (const partition of partitions) {
      if (held.get(partition)?.phase !== 'reading') continue;
      await identity.pinned(partition).catch(fault);
    }
  };

  const giveUp = async (partitions: readonly number[], lost: boolean): Promise<void> => {
    const gone = held.remove(partitions);
    if (gone.length > 0) await handlers.revoked(gone, lost).catch(fault);
    steps.push(() => {
      client.unassign(partitions);
    });
  };

  const client = createRdkafkaClient(options, {
    rebalance: onRebalance,
    error: (error) => {
      if (FATAL_CODES.has(error.code)) fail(fatal(options, error));
      else fault(error);
    },
  });

  const raise = (entry: HeldPartition, detail: string): void => {
    entry.phase = 'out-of-log';
    entry.parked = undefined;
    const { topic, partition, position } = entry;
    identity.forget(partition);
    handlers.offsetOutOfLog(
      { topic, partition },
      `asked for offset ${String(position)}: ${detail}`,
    );
  };

  const isLive = (entry: HeldPartition): boolean => told.get(entry)?.round === entry.round;
  const intake = createIntake({
    held,
    identity,
    client,
    isLive,
    deliver: handlers.batch,
    raise,
    fault,
    fail,
    bytesMax: options.fetchBytesMax,
  });
  const watch = createStallWatch({
    held,
    identity,
    log,
    topic: options.topic,
    raise,
    fault,
    isLive,
    again: (entry) => {
      const state = told.get(entry);
      if (state !== undefined) state.round = -1;
    },
  });

  const reconcile = async (): Promise<void> => {
    for (const step of steps.splice(0)) step();
    for (const entry of held.all()) {
      const state = told.get(entry);
      if (state === undefined) continue;
      if (entry.phase === 'reading' && !isLive(entry)) await pinAll([entry.partition]);
      await tell(client, entry, state).catch(fault);
      if (!entry.paused && entry.parked !== undefined && isLive(entry)) intake.flush(entry);
    }
  };

  const poll = async (): Promise<void> => {
    let largest = 0;
    while (!closed) {
      await reconcile();
      watch.look();
      if (intake.full) await intake.settled();
      const fits = largest === 0 ? CONSUME_COUNT_MAX : Math.floor(CONSUME_BYTES / largest);
      const consumed = await client.consume(Math.max(1, Math.min(CONSUME_COUNT_MAX, fits)));
      for (const { size } of consumed.messages) largest = Math.max(largest, size);
      if (consumed.messages.length > 0) largest *= 0.9;
      intake.take(consumed);
      if (consumed.error === undefined) {
        if (consumed.messages.length === 0) await delay(IDLE_MS);
        continue;
      }
      if (FATAL_CODES.has(consumed.error.code)) throw fatal(options, consumed.error);
      fault(consumed.error);
      watch.soon();
      await delay(RETRY_MS);
    }
  };

  const close = async (polled: Promise<unknown>): Promise<void> => {
    // No bound: whoever stops waits for the drain, and polling goes on meanwhile.
    await rebalances;
    const gone = held.remove();
    if (gone.length > 0) await handlers.revoked(gone, false).catch(fault);
    closed = true;
    intake.stop();
    await polled.catch(() => undefined);
    for (const step of steps.splice(0)) step();
    await Promise.race([client.disconnect(), delay(CLOSE_MS, undefined, { ref: false })]);
  };

  try {
    await client.connect();
  } catch (error) {
    closed = true;
    await client.disconnect();
    throw error;
  }
  const polled = poll();
  return {
    client,
    ended: Promise.race([polled, failed]),
    close: () => (closing ??= close(polled)),
  };
}

function firstOffset(entry: HeldPartition): { partition: number; offset: number } {
  const { partition, phase, position } = entry;
  return { partition, offset: phase === 'reading' ? position : OFFSET_END };
}

/** Brings librdkafka in line with what was asked for since the last look. */
async function tell(client: RdkafkaClient, entry: HeldPartition, state: Told): Promise<void> {
  const { partition, round, position } = entry;
  if (entry.phase === 'reading' && state.round !== round) {
    await client.seek(partition, position);
    state.round = round;
  }
  // A short pause is left to the parking of what is already under way: pausing librdkafka throws
  // away what it has fetched ahead.
  const pause = entry.phase !== 'reading' || (entry.paused && entry.parked !== undefined);
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

/** A fatal client (a fenced static member), a refusal, a version: no retry mends these. */
const FATAL_CODES: ReadonlySet<number> = new Set([-150, -144, 29, 30, 31, 35, 58]);

function fatal(options: ConsumerOptions, cause: Error): MarqueeError {
  return new MarqueeError(
    'MARQUEE_KAFKA_REFUSED',
    `Kafka at ${options.brokers.join(', ')} refused ${options.groupId} on ${options.topic} for good: ` +
      `${cause.message}.`,
    { cause },
  );
}
