import type { KafkaRecord } from '../../../common/kafka/record.ts';

/**
 * Headers of a dead letter that was sent again: it is meant for the processor that failed alone,
 * counts as received when it first was, and knows how often it came back.
 */
export const REDRIVE_PROCESSOR = 'marquee-redrive-processor';
export const REDRIVE_RECEIVED_AT = 'marquee-first-received-at';
export const REDRIVE_COUNT = 'marquee-replay-count';

export interface Redrive {
  readonly processor: string;
  /** How often this record was redriven, this time included. */
  readonly count: number;
  /** Epoch ms of the first receipt. */
  readonly receivedAt: number;
}

/** Null for a record that comes for the first time, as nearly all do. */
export function readRedrive(record: KafkaRecord): Redrive | null {
  const processor = record.headers[REDRIVE_PROCESSOR];
  if (processor === undefined) return null;
  const receivedAt = Number(record.headers[REDRIVE_RECEIVED_AT]?.toString() ?? 'NaN');
  const count = Number(record.headers[REDRIVE_COUNT]?.toString() ?? '1');
  return {
    processor: processor.toString(),
    count: Number.isSafeInteger(count) ? count : 1,
    receivedAt: Number.isSafeInteger(receivedAt) ? receivedAt : record.timestamp,
  };
}
