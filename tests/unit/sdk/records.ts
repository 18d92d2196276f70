import type { BufferedRecord } from '../../../sdk/src/buffered-record.ts';
import { DeliveryReport } from '../../../sdk/src/delivery.ts';

/** A record of ten bytes that was handed over at `queuedAt`; its report's epoch is its own. */
export function recordAt(queuedAt: number, given: Partial<BufferedRecord> = {}): BufferedRecord {
  return {
    topic: 't',
    hash: 0,
    bytes: Buffer.alloc(10),
    start: 0,
    end: 10,
    queuedAt,
    patchAt: -1,
    report: new DeliveryReport('accepted', { open: 0 }),
    ...given,
  };
}
