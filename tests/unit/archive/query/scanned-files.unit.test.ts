import { describe, expect, test } from 'vitest';
import {
  readsNothing,
  scannedDates,
  scannedShare,
  undoesView,
} from '../../../../archive/query/scanned-files.ts';
import type { PlanNode, ScannedShare } from '../../../../archive/query/scanned-files.ts';

const scan = (files: string | null): PlanNode => ({
  name: 'READ_PARQUET ',
  extra_info: { Function: 'READ_PARQUET', ...(files === null ? {} : { 'Scanning Files': files }) },
});
const above = (...children: PlanNode[]): PlanNode => ({ name: 'FILTER', children });

describe('the share of the files that a plan scans', () => {
  test.each([
    ['none without a scan', [{ name: 'DUMMY_SCAN' }], 'none'],
    ['none where all are left out', [above(scan('0/4'))], 'none'],
    ['some where some are', [above(scan('1/4'))], 'some'],
    ['all where all are read', [above(scan('4/4'))], 'all'],
    ['all where the plan says no number', [above(scan(null))], 'all'],
    [
      'that of the widest of its scans',
      [above(scan('1/4'), above(scan('4/4'), scan('0/4')))],
      'all',
    ],
  ] as const)('is %s', (_, plan, share) => {
    expect(scannedShare(plan)).toBe(share);
  });
});

describe('dates that a statement reads', () => {
  const dates = ['2026-11-18', '2026-11-19', '2026-11-20'];

  async function ask(read: readonly string[]) {
    const asked: (readonly string[])[] = [];
    const found = await scannedDates(dates, (some): Promise<ScannedShare> => {
      asked.push(some);
      const share = some.filter((date) => read.includes(date)).length;
      return Promise.resolve(share === 0 ? 'none' : share === some.length ? 'all' : 'some');
    });
    return { found, questions: asked.length };
  }

  test('are told by one question when it is all or none', async () => {
    expect(await ask(dates)).toEqual({ found: dates, questions: 1 });
    expect(await ask([])).toEqual({ found: [], questions: 1 });
  });

  test('are asked for one by one when it is some', async () => {
    expect(await ask(['2026-11-19'])).toEqual({ found: ['2026-11-19'], questions: 4 });
  });
});

test('statements about the session read nothing, and a rollback undoes the view', () => {
  for (const statement of ['BEGIN', '  commit;', 'SET threads = 1', 'rollback', 'LOAD httpfs'])
    expect([statement, readsNothing(statement)]).toEqual([statement, true]);
  for (const statement of [
    'SELECT 1',
    'settle',
    'WITH begin AS (SELECT 1) FROM begin',
    '',
    '-- set',
  ])
    expect([statement, readsNothing(statement)]).toEqual([statement, false]);
  expect(['ROLLBACK', ' abort;', 'COMMIT'].map(undoesView)).toEqual([true, true, false]);
});
