import { defineOwn } from '../../../common/kafka/record-batch-decoder.ts';
import type { KafkaRecord } from '../../../common/kafka/record.ts';
import type { SubscribedPartition } from '../subscription-state.ts';
import type { Consumed, RawMessage } from './client.ts';

/** The part of one call to consume that belongs to one partition. */
export interface Chunk {
  readonly subscribed: SubscribedPartition;
  readonly round: number;
  readonly from: number;
  next: number;
  readonly records: KafkaRecord[];
}

const NO_HEADERS: Readonly<Record<string, Buffer>> = Object.freeze({});

/** The partition was started anew, or given up, since the chunk came in. */
export function isStale({ subscribed, round }: Chunk): boolean {
  return subscribed.round !== round || subscribed.phase !== 'reading';
}

/** One chunk a partition, in order, without what lies below the position (a fetch done twice). */
export function chunksOf(
  { messages, ends }: Consumed,
  reading: (partition: number) => SubscribedPartition | undefined,
): Iterable<Chunk> {
  const chunks = new Map<number, Chunk | undefined>();
  const chunkOf = (partition: number): Chunk | undefined => {
    if (chunks.has(partition)) return chunks.get(partition);
    const subscribed = reading(partition);
    const from = subscribed?.position ?? 0;
    const chunk = subscribed && {
      subscribed,
      round: subscribed.round,
      from,
      next: from,
      records: [],
    };
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
  for (const chunk of filled) chunk.subscribed.position = chunk.next;
  return filled.filter(({ from, next }) => next > from);
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
