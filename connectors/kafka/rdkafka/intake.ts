import { setTimeout as delay } from 'node:timers/promises';
import type { SubscribedPartition, SubscriptionState } from '../subscription-state.ts';
import type { KafkaRecord } from '../../../common/kafka/record.ts';
import type { FetchedBatch } from '../port.ts';
import type { Consumed, RawMessage, RdkafkaClient } from './client.ts';
import { decodedBatch } from '../decoded-batch.ts';
import { defineOwn } from '../../../common/kafka/record-batch-decoder.ts';
import type { TopicIdentity } from '../topic-identity.ts';

const RETRY_MS = 250;
const NO_HEADERS: Readonly<Record<string, Buffer>> = Object.freeze({});

export interface IntakeParts {
  readonly held: SubscriptionState;
  readonly identity: TopicIdentity;
  readonly client: RdkafkaClient;
  /** Has librdkafka been told of this entry's last start? Until then what comes is older. */
  readonly isLive: (entry: SubscribedPartition) => boolean;
  readonly deliver: (batch: FetchedBatch) => void;
  readonly raise: (entry: SubscribedPartition, detail: string) => void;
  readonly fault: (error: Error) => void;
  readonly fail: (error: unknown) => void;
  /** Bytes that may wait here to be verified before no more are taken. */
  readonly bytesMax: number;
}

export interface Intake {
  /** Takes what one call to consume brought; delivers it once the topic is proven to be the same. */
  take(consumed: Consumed): void;
  /** Hands over what came in while the partition was paused. */
  flush(entry: SubscribedPartition): void;
  readonly full: boolean;
  /** Settles when nothing waits to be verified. */
  settled(): Promise<void>;
  stop(): void;
}

interface Chunk {
  readonly entry: SubscribedPartition;
  readonly round: number;
  readonly from: number;
  next: number;
  readonly records: KafkaRecord[];
}

/**
 * librdkafka reads on at the same offset when a topic is deleted, made again and filled past it, and
 * says nothing. So whatever was consumed is delivered only after the topic's id was looked up
 * afterwards and found to be the one that reading began on: ids never come back.
 */
export function createIntake(parts: IntakeParts): Intake {
  const { held, fail } = parts;
  let pending: Chunk[] = [];
  let pendingBytes = 0;
  let verifying: Promise<void> | undefined;
  let stopped = false;
  const isStopped = (): boolean => stopped;

  const verify = async (): Promise<void> => {
    while (pending.length > 0 && !isStopped()) {
      const chunks = pending;
      pending = [];
      pendingBytes = 0;
      const gone = await prove(parts, chunks, isStopped);
      for (const chunk of chunks) {
        if (isStopped() || isStale(chunk)) continue;
        if (gone.has(chunk.entry.partition)) parts.raise(chunk.entry, 'topic gone or made again');
        else hand(parts, chunk);
      }
    }
    verifying = undefined;
  };

  return {
    take: (consumed) => {
      const chunks = sortOut(consumed, (partition) => {
        const entry = held.get(partition);
        return entry?.phase === 'reading' && parts.isLive(entry) ? entry : undefined;
      });
      for (const chunk of chunks) pending.push(chunk);
      pendingBytes += consumed.messages.reduce((sum, { size }) => sum + size, 0);
      if (pending.length > 0) verifying ??= verify().catch(fail);
    },
    flush: (entry) => {
      const { undelivered: parked } = entry;
      entry.undelivered = undefined;
      if (parked !== undefined) parts.deliver(parked);
    },
    get full() {
      return pendingBytes > parts.bytesMax;
    },
    settled: async () => verifying,
    stop: () => {
      stopped = true;
      pending = [];
    },
  };
}

function isStale({ entry, round }: Chunk): boolean {
  return entry.round !== round || entry.phase !== 'reading';
}

async function prove(
  parts: IntakeParts,
  chunks: readonly Chunk[],
  isStopped: () => boolean,
): Promise<ReadonlySet<number>> {
  const partitions = [...new Set(chunks.map(({ entry }) => entry.partition))];
  while (!isStopped()) {
    try {
      const gone = await parts.identity.gone(partitions);
      if (gone !== undefined) return gone;
    } catch (error) {
      parts.fault(error instanceof Error ? error : new Error(String(error)));
    }
    await delay(RETRY_MS);
  }
  return new Set();
}

/** One chunk a partition, in order, without what lies below the position (a fetch done twice). */
function sortOut(
  { messages, ends }: Consumed,
  reading: (partition: number) => SubscribedPartition | undefined,
): Iterable<Chunk> {
  const chunks = new Map<number, Chunk | undefined>();
  const chunkOf = (partition: number): Chunk | undefined => {
    if (chunks.has(partition)) return chunks.get(partition);
    const entry = reading(partition);
    const from = entry?.position ?? 0;
    const chunk = entry && { entry, round: entry.round, from, next: from, records: [] };
    chunks.set(partition, chunk);
    return chunk;
  };
  for (const message of messages) {
    const chunk = chunkOf(message.partition);
    if (chunk === undefined || message.offset < chunk.next) continue;
    chunk.records.push(recordOf(message));
    chunk.next = message.offset + 1;
  }
  for (const { partition, offset } of ends) {
    const chunk = chunkOf(partition);
    if (chunk !== undefined) chunk.next = Math.max(chunk.next, offset);
  }
  const filled = [...chunks.values()].filter((chunk) => chunk !== undefined);
  for (const chunk of filled) chunk.entry.position = chunk.next;
  return filled.filter(({ from, next }) => next > from);
}

function hand(parts: IntakeParts, { entry, from, next, records }: Chunk): void {
  const { topic, partition, undelivered: parked } = entry;
  const logEnd = Math.max(next, parts.client.logEnd(partition));
  const batch: FetchedBatch =
    parked === undefined
      ? decodedBatch({ topic, partition, from, next, logEnd }, records)
      : decodedBatch({ ...parked, next, logEnd }, [...parked.records(), ...records]);
  entry.undelivered = entry.paused ? batch : undefined;
  if (!entry.paused) parts.deliver(batch);
}

function recordOf({ offset, timestamp, key, value, headers }: RawMessage): KafkaRecord {
  return {
    offset,
    timestamp: timestamp ?? -1,
    // The types allow strings for what is to be produced; what was consumed is bytes.
    key: (key ?? null) as Buffer | null,
    value,
    headers: headers === undefined ? NO_HEADERS : headersOf(headers),
  };
}

function headersOf(list: readonly object[]): Readonly<Record<string, Buffer>> {
  const headers: Record<string, Buffer> = {};
  for (const header of list) {
    for (const [name, value] of Object.entries(header) as [string, Buffer][]) {
      defineOwn(headers, name, value);
    }
  }
  return headers;
}
