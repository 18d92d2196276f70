import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MarqueeError } from '../../../common/error.ts';
import { costOf } from '../../../sdk/src/buffered-record.ts';
import type { BufferedRecord } from '../../../sdk/src/buffered-record.ts';
import { createFlushEpochs } from '../../../sdk/src/flush-epochs.ts';
import { createRecordBuffer } from '../../../sdk/src/record-buffer.ts';
import type { BufferLimits, RecordBuffer } from '../../../sdk/src/record-buffer.ts';
import { recordAt } from './records.ts';

const COST = costOf(recordAt(0));

function bufferOf(limits: Partial<BufferLimits>): RecordBuffer {
  const defaults = { eventsMax: 2, bytesMax: Infinity, whenFull: 'wait' } as const;
  return createRecordBuffer({ ...defaults, ...limits }, createFlushEpochs());
}

/** Takes as many records in as there is room for, at most `count`. */
function fill(buffer: RecordBuffer, count: number): BufferedRecord[] {
  const records: BufferedRecord[] = [];
  for (let n = 0; n < count; n += 1) {
    const report = buffer.admit();
    if (report === null) break;
    const record = recordAt(n, { report });
    buffer.add(record);
    records.push(record);
  }
  return records;
}

function waiting(records: readonly BufferedRecord[]): boolean[] {
  return records.map(({ report }) => report.isWaiting());
}

describe('createRecordBuffer', () => {
  it('takes as many again when full, and lets their callers wait', () => {
    const records = fill(bufferOf({}), 10);
    expect(waiting(records)).toEqual([false, false, true, true]);
  });

  it('takes no more than its limit where callers do not wait', () => {
    const records = fill(bufferOf({ whenFull: 'reject' }), 10);
    expect(waiting(records)).toEqual([false, false]);
  });

  it('counts bytes as it counts events', () => {
    const limits = { eventsMax: Infinity, bytesMax: COST * 1.5 };
    expect(waiting(fill(bufferOf(limits), 10))).toEqual([false, false, true]);
    expect(waiting(fill(bufferOf({ ...limits, whenFull: 'reject' }), 10))).toEqual([false, false]);
  });

  it('accepts those that wait in their order, as room is made', () => {
    const buffer = bufferOf({});
    const records = fill(buffer, 4);
    buffer.settle(records.slice(0, 1), null);
    expect(waiting(records)).toEqual([false, false, false, true]);
    buffer.settle(records.slice(1, 2), new MarqueeError('MARQUEE_KAFKA_REFUSED', 'no'));
    expect(waiting(records)).toEqual([false, false, false, false]);
  });

  it('says how full it is to those that it rejects, and counts them apart', async () => {
    const buffer = bufferOf({ eventsMax: 1, bytesMax: 1_000, whenFull: 'reject' });
    fill(buffer, 2);
    const { delivered } = buffer.reject();
    await expect(delivered).rejects.toMatchObject({
      code: 'MARQUEE_BUFFER_FULL',
      message:
        `the buffer is full (1 events, ${COST} bytes; ` +
        'maxBufferedEvents 1, maxBufferedBytes 1000): await accepted, or raise the limits',
    });
    expect(buffer.counts()).toMatchObject({ queued: 1, buffered: 1, rejected: 1 });
  });

  it('holds queued = acked + failed + buffered, and ends empty', () => {
    const outcome = fc.option(fc.constant(new MarqueeError('MARQUEE_KAFKA_REFUSED', 'no')));
    const steps = fc.array(fc.tuple(fc.nat(4), fc.nat(4), outcome));
    fc.assert(
      fc.property(steps, (taken) => {
        const buffer = bufferOf({ eventsMax: 5 });
        const open: BufferedRecord[] = [];
        const check = (): void => {
          const { queued, acked, failed, buffered, bufferedBytes } = buffer.counts();
          expect(queued).toBe(acked + failed + buffered);
          expect([buffered, bufferedBytes]).toEqual([open.length, open.length * COST]);
        };
        for (const [added, settled, error] of taken) {
          open.push(...fill(buffer, added));
          check();
          buffer.settle(open.splice(0, settled), error);
          check();
        }
        buffer.settle(open.splice(0), null);
        check();
      }),
    );
  });
});
