import { MarqueeError } from '../../common/error.ts';
import { costOf } from './buffered-record.ts';
import type { BufferedRecord } from './buffered-record.ts';
import { DeliveryReport } from './delivery.ts';
import type { Delivery } from './delivery.ts';
import { createFifo } from './fifo.ts';
import type { FlushEpochs } from './flush-epochs.ts';

export interface Counts {
  /** Events taken in: acked + failed + buffered. */
  readonly queued: number;
  readonly acked: number;
  /** Taken in and given up: refused by Kafka, out of time, or left at close. */
  readonly failed: number;
  /** Events that were sent once more; one event may count often. */
  readonly retried: number;
  /** In memory now. */
  readonly buffered: number;
  readonly bufferedBytes: number;
  /** Never taken in, the buffer being full. */
  readonly rejected: number;
}

export interface BufferLimits {
  readonly eventsMax: number;
  readonly bytesMax: number;
  /** `wait` takes as many again, whose callers are to wait for room; `reject` none. */
  readonly whenFull: 'wait' | 'reject';
}

/** The account of every event from its call to its end, and of the room that is left. */
export interface RecordBuffer {
  /** A report for one more event, whose caller is to wait when it `isWaiting`; null: no room. */
  admit(): DeliveryReport | null;
  /** Counts an event that found no room; its delivery has failed. */
  reject(): Delivery;
  /** Takes a record in whose report was admitted. */
  add(record: BufferedRecord): void;
  /** Ends records, acknowledged or failed, and accepts those that wait as far as there is room. */
  settle(records: readonly BufferedRecord[], error: MarqueeError | null): void;
  countRetried(events: number): void;
  counts(): Counts;
}

export function createRecordBuffer(
  { eventsMax, bytesMax, whenFull }: BufferLimits,
  epochs: FlushEpochs,
): RecordBuffer {
  // What may wait beyond the buffer is bounded too.
  const slack = whenFull === 'wait' ? 2 : 1;
  const waiting = createFifo<DeliveryReport>();
  const count = { queued: 0, acked: 0, failed: 0, retried: 0, rejected: 0 };
  let bufferedBytes = 0;

  function buffered(): number {
    return count.queued - count.acked - count.failed;
  }

  /** First come, first served; those already acknowledged are passed over by `accept` itself. */
  function acceptWaiting(): void {
    while (waiting.length > 0 && bufferedBytes < bytesMax) {
      if (buffered() - waiting.length >= eventsMax) break;
      waiting.shift()?.accept();
    }
  }

  return {
    admit() {
      const events = buffered();
      if (events < eventsMax && bufferedBytes < bytesMax) {
        return new DeliveryReport('accepted', epochs.current);
      }
      const room = events < eventsMax * slack && bufferedBytes < bytesMax * slack;
      return room ? new DeliveryReport('waiting', epochs.current) : null;
    },
    reject() {
      count.rejected += 1;
      const report = new DeliveryReport('waiting', epochs.current);
      const found = `${buffered()} events, ${bufferedBytes} bytes`;
      const limits = `maxBufferedEvents ${eventsMax}, maxBufferedBytes ${bytesMax}`;
      const advice = 'await accepted, or raise the limits';
      const message = `the buffer is full (${found}; ${limits}): ${advice}`;
      report.fail(new MarqueeError('MARQUEE_BUFFER_FULL', message, { retriable: true }));
      return report;
    },
    add(record) {
      const { report } = record;
      count.queued += 1;
      report.epoch.open += 1;
      bufferedBytes += costOf(record);
      if (report.isWaiting()) waiting.push(report);
    },
    settle(records, error) {
      for (const record of records) {
        bufferedBytes -= costOf(record);
        record.report.epoch.open -= 1;
        if (error === null) record.report.deliver();
        else record.report.fail(error);
      }
      if (error === null) count.acked += records.length;
      else count.failed += records.length;
      acceptWaiting();
    },
    countRetried(events) {
      count.retried += events;
    },
    counts: () => ({ ...count, buffered: buffered(), bufferedBytes }),
  };
}
