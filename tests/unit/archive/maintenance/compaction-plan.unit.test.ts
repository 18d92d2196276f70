import { describe, expect, test } from 'vitest';
import { planCompaction } from '../../../../archive/maintenance/compaction-plan.ts';

const TOPIC = 'user-actions.v1';

describe('a compaction', () => {
  const file = (n: number, bytes: number, over: object = {}) => ({
    path: `f${String(n).padStart(4, '0')}`,
    topic: TOPIC,
    date: '2026-11-20',
    bytes,
    rows: 100,
    ...over,
  });
  const rule = { targetBytes: 100, filesMin: 2 };
  const paths = (files: Parameters<typeof planCompaction>[0], over = rule) =>
    planCompaction(files, over).map((merge) => merge.map(({ path }) => path));

  test('merges small files of one date and one source, up to the target', () => {
    expect(paths([file(1, 40), file(2, 40), file(3, 40), file(4, 20), file(5, 49)])).toEqual([
      ['f0001', 'f0002', 'f0003'],
      ['f0004', 'f0005'],
    ]);
    expect(paths([file(1, 10), file(2, 10, { date: '2026-11-21' })])).toEqual([]);
    expect(paths([file(1, 10), file(2, 10, { topic: 'backfill:ab' })])).toEqual([]);
  });

  test('leaves what is large, alone or too few', () => {
    expect(paths([file(1, 50), file(2, 90)])).toEqual([]);
    expect(paths([file(1, 1)])).toEqual([]);
    expect(paths([file(1, 1), file(2, 1)], { ...rule, filesMin: 3 })).toEqual([]);
  });

  test('is bounded by the rows that are decoded at once, and by the number of files', () => {
    const many = Array.from({ length: 40 }, (_, n) => file(n, 1, { rows: 250_000 }));
    expect(paths(many).map((merge) => merge.length)).toEqual([16, 16, 8]);
    const tiny = Array.from({ length: 700 }, (_, n) => file(n, 0, { rows: 1 }));
    expect(paths(tiny).map((merge) => merge.length)).toEqual([512, 188]);
  });
});
