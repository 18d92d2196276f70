import { expect, it } from 'vitest';
import { planRebuild } from '../../../../archive/rebuild/plan.ts';
import type { LivePartition } from '../../../../streams/replay/replay-plan.ts';
import { livePartition } from '../../../support/live-partition.ts';

const plan = (archived: readonly [number, number] | null, partition: LivePartition) =>
  planRebuild({
    processor: 'p',
    topic: 't',
    partitions: [partition],
    archived: archived === null ? [] : [{ partition: 0, from: archived[0], to: archived[1] }],
  })[0];

it.each([
  ['where the archive ends, when a range begins there', [0, 200], {}, 200],
  ['at the range that the archive ends in', [0, 250], {}, 200],
  ['at the beginning without an archive', null, {}, 0],
  ['at the beginning when the archive began later', [50, 250], {}, 0],
  ['where the archive ends, also when the log begins there', [0, 200], { logStart: 200 }, 200],
] as const)('goes on from the log %s', (_, archived, over, from) => {
  expect(plan(archived, livePartition(over))).toEqual({
    partition: 0,
    from,
    ledgerFrom: from,
    kept: false,
    copyBelow: 0,
  });
});

it.each([300, 900])('keeps where it stands when all is archived, up to %s', (to) => {
  expect(plan([0, to], livePartition({ logStart: 250 }))).toEqual({
    partition: 0,
    from: 300,
    ledgerFrom: 200,
    kept: true,
    copyBelow: 0,
  });
});

it('starts at the position where nothing was ever read', () => {
  expect(plan(null, livePartition({ next: 7, ledger: [], logStart: 7 }))).toMatchObject({
    from: 7,
    kept: false,
  });
});

it.each([
  ['the log begins after the archive ends', [0, 150], { logStart: 160 }],
  ['the log begins inside the range that the archive ends in', [0, 150], { logStart: 101 }],
  ['the archive began later than the processor', [10, 250], { logStart: 1 }],
  ['there is no archive', null, { logStart: 1 }],
] as const)('refuses when %s, with all offsets', (_, archived, over) => {
  expect(() => plan(archived, livePartition(over))).toThrow(
    /p has applied t\/0 \[0, 300\), but .*archive holds.* log starts at \d+/,
  );
});

it('refuses a processor that never ran', () => {
  expect(() => planRebuild({ processor: 'p', topic: 't', partitions: [], archived: [] })).toThrow(
    /p has never run/,
  );
});
