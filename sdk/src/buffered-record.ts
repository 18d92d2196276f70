import type { RecordTail } from '../../common/kafka/record-batch-encoder.ts';
import type { DeliveryReport } from './delivery.ts';

/** One record in the buffer, encoded but for its place in a batch. */
export interface BufferedRecord extends RecordTail {
  readonly topic: string;
  /** murmur2 of the key; any number when it has none. */
  readonly hash: number;
  /** Where the schema id goes once it is known, or -1 when it is there. */
  readonly patchAt: number;
  readonly report: DeliveryReport;
}

/** What an entry takes of the buffer: its bytes, and about what the objects around them take. */
export function costOf(entry: RecordTail): number {
  return entry.end - entry.start + 240;
}
