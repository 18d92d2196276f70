import type { RecordTail } from '../../common/kafka/record-batch-encoder.ts';
import type { DeliveryReport } from './delivery.ts';

/** One record in the buffer, encoded but for its place in a batch. */
export interface BufferedRecord extends RecordTail {
  readonly topic: string;
  /** murmur2 of the key; any number when it has none. */
  readonly hash: number;
  /** Place of the schema id while it is not known, or -1 when it is there. */
  readonly patchAt: number;
  readonly report: DeliveryReport;
}

/** Bytes that a record takes of the buffer: its own, and about those of the objects around them. */
export function costOf(record: RecordTail): number {
  return record.end - record.start + 240;
}
