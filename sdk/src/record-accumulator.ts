import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { BufferedRecord } from './buffered-record.ts';
import { createFifo } from './fifo.ts';
import type { Fifo } from './fifo.ts';
import { encodeRecords, sealBatch } from '../../common/kafka/record-batch-encoder.ts';
import type { ProducerIdentity } from './metadata.ts';

export interface Batch {
  readonly entries: readonly BufferedRecord[];
  readonly records: Buffer;
  readonly gzipped: boolean;
  /** -1 until it is first sent; kept over resends, so that the broker knows them. */
  sequence: number;
}

export interface PartitionAccumulator {
  readonly topic: string;
  readonly partition: number;
  readonly queue: Fifo<BufferedRecord>;
  queuedBytes: number;
  /** Entries taken from the queue that the next batches are to hold, each its own. */
  readonly pendingBatches: (readonly BufferedRecord[])[];
  /** Encoded and not yet acknowledged. */
  batch: Batch | null;
  sending: boolean;
  attempts: number;
  /** Epoch milliseconds before which the first batch is not sent again. */
  retryAt: number;
  nextSequence: number;
}

const compress = promisify(gzip);
/** The fastest level: events are much alike, and more effort gains little. */
const GZIP_LEVEL = 1;
/** Below this a batch is about as small as it is. */
const GZIP_FROM_BYTES = 600;

export function createPartitionAccumulator(topic: string, partition: number): PartitionAccumulator {
  return {
    topic,
    partition,
    queue: createFifo(),
    queuedBytes: 0,
    pendingBatches: [],
    batch: null,
    sending: false,
    attempts: 0,
    retryAt: 0,
    nextSequence: 0,
  };
}

export function append(partition: PartitionAccumulator, entry: BufferedRecord): void {
  partition.queue.push(entry);
  partition.queuedBytes += entry.end - entry.start;
}

export interface BatchLimits {
  readonly batchBytesMax: number;
  readonly batchEventsMax: number;
}

export function hasWork({ batch, pendingBatches: portions, queue }: PartitionAccumulator): boolean {
  return batch !== null || portions.length > 0 || queue.length > 0;
}

/** Sees to it that there is a batch to send. */
export async function fill(
  partition: PartitionAccumulator,
  limits: BatchLimits,
  schemaId: number,
): Promise<void> {
  if (partition.batch !== null) return;
  if (partition.pendingBatches.length === 0)
    partition.pendingBatches.push(takeEntries(partition, limits));
  // The portion stays until the batch is made: whoever stops meanwhile finds its entries.
  const batch = await encodeBatch(partition.pendingBatches[0] ?? [], schemaId);
  partition.pendingBatches.shift();
  partition.batch = batch;
}

/** Takes entries up to the limits, one at least. */
function takeEntries(partition: PartitionAccumulator, limits: BatchLimits): BufferedRecord[] {
  const entries: BufferedRecord[] = [];
  let bytes = 0;
  for (let next = partition.queue.peek(); next !== undefined; next = partition.queue.peek()) {
    const size = next.end - next.start;
    if (entries.length > 0 && bytes + size > limits.batchBytesMax) break;
    if (entries.length >= limits.batchEventsMax) break;
    partition.queue.shift();
    bytes += size;
    entries.push(next);
  }
  partition.queuedBytes -= bytes;
  return entries;
}

/** Takes what was queued before that time; of what is under way nothing. */
export function takeOlder(partition: PartitionAccumulator, bornBy: number): BufferedRecord[] {
  const old: BufferedRecord[] = [];
  for (let e = partition.queue.peek(); e !== undefined; e = partition.queue.peek()) {
    if (e.queuedAt > bornBy) break;
    partition.queue.shift();
    partition.queuedBytes -= e.end - e.start;
    old.push(e);
  }
  return old;
}

/** Takes everything that is not acknowledged. */
export function takeAll(partition: PartitionAccumulator): BufferedRecord[] {
  const left = [...(partition.batch?.entries ?? []), ...partition.pendingBatches.splice(0).flat()];
  partition.batch = null;
  return [...left, ...takeOlder(partition, Infinity)];
}

/** Encodes and compresses; the schema id is written into entries that came before it was known. */
async function encodeBatch(entries: readonly BufferedRecord[], schemaId: number): Promise<Batch> {
  for (const { bytes, patchAt } of entries) {
    if (patchAt >= 0) bytes.writeInt32BE(schemaId, patchAt);
  }
  const records = encodeRecords(entries);
  if (records.length < GZIP_FROM_BYTES) return { entries, records, gzipped: false, sequence: -1 };
  const packed = await compress(records, { level: GZIP_LEVEL });
  return { entries, records: packed, gzipped: true, sequence: -1 };
}

/** The batch's bytes under this identity; takes its sequence numbers when it has none. */
export function seal(
  partition: PartitionAccumulator,
  batch: Batch,
  identity: ProducerIdentity,
): Buffer {
  const count = batch.entries.length;
  if (batch.sequence < 0) {
    batch.sequence = partition.nextSequence;
    // Sequences are 31 bits wide and begin anew behind the last.
    partition.nextSequence = (partition.nextSequence + count) % 2 ** 31;
  }
  return sealBatch(batch.records, {
    ...identity,
    sequence: batch.sequence,
    count,
    gzipped: batch.gzipped,
    firstAt: batch.entries[0]?.queuedAt ?? 0,
    lastAt: batch.entries[count - 1]?.queuedAt ?? 0,
  });
}

/** The batch was refused as a whole and is not in the log: its sequences are free again. */
export function withdraw(partition: PartitionAccumulator): readonly BufferedRecord[] {
  const { batch } = partition;
  if (batch === null) return [];
  if (batch.sequence >= 0) partition.nextSequence = batch.sequence;
  partition.batch = null;
  return batch.entries;
}

/** Under a new producer id the sequences begin at 0, also that of a batch that was sent before. */
export function restartSequences(partition: PartitionAccumulator): void {
  partition.nextSequence = 0;
  if (partition.batch !== null) partition.batch.sequence = -1;
}
