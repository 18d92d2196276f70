import { expect, it } from 'vitest';
import { planReplay } from '../../../../streams/replay/replay-plan.ts';
import type { LivePartition, PlanRequest } from '../../../../streams/replay/replay-plan.ts';
import { livePartition } from '../../../support/live-partition.ts';

function plan(
  wanted: number | null,
  partition: LivePartition,
  kind: 'rows' | 'sums' = 'rows',
): ReturnType<typeof planReplay>[0] | undefined {
  const request: PlanRequest = {
    processor: 'p',
    topic: 't',
    wanted: wanted === null ? null : new Map([[0, wanted]]),
    rowsCarryOffsets: kind === 'rows',
    partitions: [partition],
  };
  return planReplay(request)[0];
}

it.each([
  ['the beginning', null, {}, 0, 0],
  ['the range that holds the offset', 150, {}, 100, 100],
  ['the start of a range', 200, {}, 200, 200],
  ['the last range for an offset at the end', 300, {}, 200, 200],
  ['the first range that the log holds whole', null, { logStart: 1 }, 100, 100],
  ['a later range when the one that is asked for is cut', 120, { logStart: 150 }, 200, 200],
])('starts rows at %s', (_, wanted, over, from, copyBelow) => {
  expect(plan(wanted, livePartition(over))).toEqual({
    partition: 0,
    from,
    ledgerFrom: from,
    kept: false,
    copyBelow,
  });
});

it('keeps what stands where the log holds no whole range', () => {
  expect(plan(null, livePartition({ logStart: 250 }))).toEqual({
    partition: 0,
    from: 300,
    ledgerFrom: 200,
    kept: true,
    copyBelow: 300,
  });
});

it('starts at the position where nothing was ever read', () => {
  const fresh = livePartition({ next: 40, ledger: [], logStart: 40, logEnd: 40 });
  expect(plan(null, fresh)).toMatchObject({ from: 40, kept: false });
  expect(plan(null, fresh, 'sums')).toMatchObject({ from: 40, kept: false, copyBelow: 0 });
});

it('starts sums at their first record or not at all', () => {
  expect(plan(null, livePartition(), 'sums')).toMatchObject({ from: 0, copyBelow: 0 });
  expect(plan(0, livePartition(), 'sums')).toMatchObject({ from: 0 });
  expect(() => plan(100, livePartition(), 'sums')).toThrow(/use --from earliest/);
  expect(() => plan(null, livePartition({ logStart: 1 }), 'sums')).toThrow(/retention has removed/);
});

it('refuses a position outside the log, and a processor that never ran', () => {
  expect(() => plan(null, livePartition({ logEnd: 299 }))).toThrow(/outside the log \[0, 299\)/);
  expect(() => plan(null, livePartition({ logStart: 301, logEnd: 400 }))).toThrow(
    /marquee offsets/,
  );
  const none = { processor: 'p', topic: 't', wanted: null, rowsCarryOffsets: true, partitions: [] };
  expect(() => planReplay(none)).toThrow(/p has never run/);
});
