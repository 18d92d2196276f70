import { sealBatch } from '../../common/kafka/record-batch-encoder.ts';
import { encodeBatch } from './batch.ts';
import type { Batch } from './batch.ts';
import type { BufferedRecord } from './buffered-record.ts';
import { createFifo } from './fifo.ts';
import type { Fifo } from './fifo.ts';
import type { ProducerIdentity } from './metadata-loader.ts';

/**
 * The records of one partition that are not acknowledged, oldest first: those of `batch`, those of
 * `pendingBatches`, those of `queue`. A record leaves by being acknowledged, refused or given up.
 */
export interface PartitionAccumulator {
  readonly topic: string;
  readonly partition: number;
  readonly queue: Fifo<BufferedRecord>;
  queuedBytes: number;
  /** Records taken from the queue, one list for each of the next batches. */
  readonly pendingBatches: (readonly BufferedRecord[])[];
  /** Encoded; its bytes, id and sequence stay the same however often it is sent. */
  batch: Batch | null;
  /** A request with the batch is being made or under way: until its end nobody else changes it. */
  inFlight: boolean;
  /** Times that the batch was sent in vain. */
  attempts: number;
  /** Milliseconds of the steady clock before which the batch is not sent again. */
  retryAt: number;
  nextSequence: number;
}

/** Of one partition's batch. */
export interface BatchLimits {
  /** Before compression. */
  readonly batchBytesMax: number;
  /** Larger batches are not compressed; all are when not given. */
  readonly gzipBytesMax?: number | undefined;
  readonly batchEventsMax: number;
}

export function createPartitionAccumulator(topic: string, partition: number): PartitionAccumulator {
  return {
    topic,
    partition,
    queue: createFifo(),
    queuedBytes: 0,
    pendingBatches: [],
    batch: null,
    inFlight: false,
    attempts: 0,
    retryAt: 0,
    nextSequence: 0,
  };
}

export function enqueue(partition: PartitionAccumulator, record: BufferedRecord): void {
  partition.queue.push(record);
  partition.queuedBytes += record.end - record.start;
}

export function hasWork({ batch, pendingBatches, queue }: PartitionAccumulator): boolean {
  return batch !== null || pendingBatches.length > 0 || queue.length > 0;
}

/** Time at which the oldest record was handed over; Infinity where there is none. */
export function oldestQueuedAt({ batch, pendingBatches, queue }: PartitionAccumulator): number {
  const [first] = batch?.records ?? pendingBatches[0] ?? [];
  return (first ?? queue.peek())?.queuedAt ?? Infinity;
}

/** Makes the next batch out of the oldest records, where there is none yet. */
export async function ensureBatch(
  partition: PartitionAccumulator,
  limits: BatchLimits,
  schemaId: number,
): Promise<void> {
  const { pendingBatches } = partition;
  if (partition.batch !== null) return;
  if (pendingBatches.length === 0) pendingBatches.push(takeRecords(partition, limits));
  // They stay pending until the batch is made: whoever stops meanwhile finds its records.
  const batch = await encodeBatch(pendingBatches[0] ?? [], schemaId, limits.gzipBytesMax);
  pendingBatches.shift();
  partition.batch = batch;
}

/** Takes records up to the limits, one at least. */
function takeRecords(partition: PartitionAccumulator, limits: BatchLimits): BufferedRecord[] {
  const records: BufferedRecord[] = [];
  let bytes = 0;
  for (let next = partition.queue.peek(); next !== undefined; next = partition.queue.peek()) {
    const size = next.end - next.start;
    if (records.length > 0 && bytes + size > limits.batchBytesMax) break;
    if (records.length >= limits.batchEventsMax) break;
    partition.queue.shift();
    bytes += size;
    records.push(next);
  }
  partition.queuedBytes -= bytes;
  return records;
}

/** The batch's bytes under this identity; takes its sequence numbers when it has none. */
export function seal(
  partition: PartitionAccumulator,
  batch: Batch,
  identity: ProducerIdentity,
): Buffer {
  const count = batch.records.length;
  if (batch.sequence < 0) {
    batch.sequence = partition.nextSequence;
    // Sequences are 31 bits wide and begin anew behind the last.
    partition.nextSequence = (partition.nextSequence + count) % 2 ** 31;
  }
  return sealBatch(batch.body, {
    ...identity,
    sequence: batch.sequence,
    count,
    gzipped: batch.gzipped,
    firstAt: batch.records[0]?.queuedAt ?? 0,
    lastAt: batch.records[count - 1]?.queuedAt ?? 0,
  });
}

/** The batch is in the log: takes its records. */
export function takeAcknowledged(partition: PartitionAccumulator): readonly BufferedRecord[] {
  const records = partition.batch?.records ?? [];
  partition.batch = null;
  partition.attempts = 0;
  partition.retryAt = 0;
  return records;
}

/** The batch was refused as a whole and is not in the log: its sequences are free again. */
export function takeRefused(partition: PartitionAccumulator): readonly BufferedRecord[] {
  const { batch } = partition;
  partition.attempts = 0;
  if (batch === null) return [];
  if (batch.sequence >= 0) partition.nextSequence = batch.sequence;
  partition.batch = null;
  return batch.records;
}

/** Makes two batches of one that was refused: halved often enough, the record at fault is alone. */
export function splitBatch(partition: PartitionAccumulator): void {
  const records = takeRefused(partition);
  const middle = Math.ceil(records.length / 2);
  partition.pendingBatches.unshift(records.slice(0, middle), records.slice(middle));
}

export interface ExpiredRecords {
  readonly records: readonly BufferedRecord[];
  /** They may be in the log: their sequences can be neither used again nor left out. */
  readonly fateUnknown: boolean;
}

/** Takes records that were handed over by then: those of one batch, or those that have none yet. */
export function takeExpired(partition: PartitionAccumulator, queuedBy: number): ExpiredRecords {
  const { batch, pendingBatches } = partition;
  if (oldestQueuedAt(partition) > queuedBy) return { records: [], fateUnknown: false };
  if (batch !== null) {
    partition.batch = null;
    return { records: batch.records, fateUnknown: batch.sequence >= 0 };
  }
  return { records: pendingBatches.shift() ?? takeQueued(partition, queuedBy), fateUnknown: false };
}

/** Takes everything that is not acknowledged. */
export function takeAll(partition: PartitionAccumulator): BufferedRecord[] {
  const { batch, pendingBatches } = partition;
  const taken = [...(batch?.records ?? []), ...pendingBatches.splice(0).flat()];
  partition.batch = null;
  return [...taken, ...takeQueued(partition, Infinity)];
}

function takeQueued(partition: PartitionAccumulator, queuedBy: number): BufferedRecord[] {
  const taken: BufferedRecord[] = [];
  for (let next = partition.queue.peek(); next !== undefined; next = partition.queue.peek()) {
    if (next.queuedAt > queuedBy) break;
    partition.queue.shift();
    partition.queuedBytes -= next.end - next.start;
    taken.push(next);
  }
  return taken;
}

/** Under a new producer id the sequences begin at 0, also that of a batch that was sent before. */
export function restartSequences(partition: PartitionAccumulator): void {
  partition.nextSequence = 0;
  if (partition.batch !== null) partition.batch.sequence = -1;
}
