import { describe, expect, test } from 'vitest';
import { mayComeAgain, wantedRows } from '../../../../archive/rebuild/row-rules.ts';
import type { RowRequest } from '../../../../archive/rebuild/row-rules.ts';
import type { RowPlace } from '../../../../archive/rebuild/read-dates.ts';
import { userActions } from '../../../../streams/topics/user-actions.ts';
import type { Accepted } from '../../../../streams/runtime/processor.ts';

const start = { ledgerFrom: 100, kept: false, copyBelow: 0 };
const processor = { source: userActions, rowsCarryOffsets: false } as RowRequest['processor'];
const request: RowRequest = {
  processor,
  until: Infinity,
  starts: [{ partition: 0, from: 100, ...start }],
  listing: { floor: null, settledBefore: 5_000, backfills: ['backfill:in'] },
  gaps: [{ partition: 0, from: 10, to: 20 }],
};
const place = (over: Partial<RowPlace> = {}): RowPlace => ({
  topic: userActions.topic,
  partition: 0,
  offset: 50,
  receivedAt: 9_000,
  occurredAt: 8_000,
  ...over,
});
const wants = (over: Partial<RowPlace>, change: Partial<RowRequest> = {}) =>
  wantedRows({ ...request, ...change })(place(over));

describe('a row of the topic is wanted', () => {
  test('below the offset from which the log gives it', () => {
    expect([99, 100].map((offset) => wants({ offset }))).toEqual([true, false]);
    expect(wants({ partition: 7, offset: 0 })).toBe(false);
  });

  test('unless the processor was let pass by it', () => {
    expect([9, 10, 19, 20].map((offset) => wants({ offset }))).toEqual([true, false, false, true]);
  });

  test('when it was received before the time that is asked for', () => {
    expect([9_000, 9_001].map((until) => wants({}, { until }))).toEqual([false, true]);
  });

  test('from the floor or the last resend on, where rows carry offsets', () => {
    const rows = { ...processor, rowsCarryOffsets: true };
    const from = (floor: number | null, occurredAt: number) =>
      wants({ occurredAt }, { processor: rows, listing: { ...request.listing, floor } });
    expect([from(7_000, 4_999), from(7_000, 5_000)]).toEqual([false, true]);
    expect([from(3_000, 2_999), from(3_000, 3_000)]).toEqual([false, true]);
    expect(from(null, 0)).toBe(true);
  });
});

test('history comes in when its backfill was chosen, whatever its place', () => {
  expect(wants({ topic: 'backfill:in', offset: 1e9 })).toBe(true);
  expect(wants({ topic: 'backfill:out' })).toBe(false);
});

test('a resend may follow of what the log can still hold, of history only of what is not settled', () => {
  const again = mayComeAgain(processor, { floor: 3_000, settledBefore: 5_000 });
  const entry = (topic: string, at: number) =>
    ({ topic, event: { occurred_at: at } }) as unknown as Accepted<unknown>;
  const { topic } = userActions;
  expect([again(entry(topic, 2_999)), again(entry(topic, 3_000))]).toEqual([false, true]);
  expect([again(entry('backfill:in', 4_999)), again(entry('backfill:in', 5_000))]).toEqual([
    false,
    true,
  ]);
});
