import { MarqueeError } from '../../common/error.ts';
import type { FetchedPartition } from '../../common/kafka/consumer-requests.ts';
import { decompress } from '../../common/kafka/decompress.ts';
import {
  decodeRecords,
  scanBatches,
  visibleBatches,
} from '../../common/kafka/record-batch-decoder.ts';
import type { RecordBatch } from '../../common/kafka/record-batch-decoder.ts';
import type { KafkaRecord } from '../../common/kafka/record.ts';
import { decodedBatch } from './decoded-batch.ts';
import type { FetchedBatch, TopicPartition } from './port.ts';

/** One partition's part of a fetch: compressed until it is delivered, so a few times smaller. */
export interface CompletedFetch {
  readonly batches: readonly RecordBatch[];
  /** Those that read_committed shows. */
  readonly visible: ReadonlySet<RecordBatch>;
  readonly logEnd: number;
  /** Index of the first batch that was not delivered. */
  nextBatch: number;
}

interface Position extends TopicPartition {
  /** The offset to read next. */
  readonly position: number;
}

/** Together at least so many compressed bytes are decoded and delivered at once. */
const DELIVERY_BYTES = 48 * 1024;

/** Undefined when nothing came. Throws MarqueeError MARQUEE_KAFKA_UNREADABLE, as `nextOf` does. */
export function completedFetch(
  place: Position,
  { records, aborted, highWatermark }: FetchedPartition,
): CompletedFetch | undefined {
  try {
    const batches = scanBatches(records);
    if (batches.length === 0) return undefined;
    const visible = new Set(visibleBatches(batches, aborted));
    return { batches, visible, logEnd: highWatermark, nextBatch: 0 };
  } catch (cause) {
    throw unreadable(place, cause);
  }
}

export function isDrained({ batches, nextBatch }: CompletedFetch): boolean {
  return nextBatch >= batches.length;
}

/** The next piece of the fetch, from the position on; the fetch has moved past it when called. */
export async function nextOf(fetch: CompletedFetch, place: Position): Promise<FetchedBatch> {
  const { topic, partition, position: from } = place;
  const taken: RecordBatch[] = [];
  let bytes = 0;
  let next = from;
  for (; !isDrained(fetch) && bytes < DELIVERY_BYTES; fetch.nextBatch += 1) {
    const batch = fetch.batches[fetch.nextBatch] as RecordBatch;
    next = batch.lastOffset + 1;
    if (!fetch.visible.has(batch)) continue;
    taken.push(batch);
    bytes += batch.body.length;
  }
  try {
    const bodies = await Promise.all(taken.map(({ codec, body }) => decompress(codec, body)));
    return encodedBatch({ topic, partition, from, next, logEnd: fetch.logEnd }, taken, bodies);
  } catch (cause) {
    throw unreadable(place, cause);
  }
}

/** Keeps the bytes; only where reading starts inside a batch is it looked into at once. */
function encodedBatch(
  place: Omit<FetchedBatch, 'count' | 'bytes' | 'records'>,
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

function unreadable({ topic, partition, position }: Position, cause: unknown): MarqueeError {
  const hint = cause instanceof MarqueeError ? ` ${cause.message}` : '';
  return new MarqueeError(
    'MARQUEE_KAFKA_UNREADABLE',
    `Can't read what Kafka holds at ${topic}, partition ${partition}, offset ${position}.${hint}`,
    { cause },
  );
}
