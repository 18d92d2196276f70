import { describe, expect, test } from 'vitest';
import { balanceLedger } from '../../../../archive/audit/balance.ts';
import type { DroppedAccount, HourAccount } from '../../../../archive/audit/balance.ts';
import { hotFindings } from '../../../../archive/audit/hot-findings.ts';
import { createLedgerIndex } from '../../../../archive/audit/ledger-rows.ts';
import type { LedgerRow } from '../../../../archive/audit/ledger-rows.ts';
import { imbalanceOf } from '../../../../archive/maintenance/drop-hours.ts';
import { hashOfDecimal } from '../../../../common/hash.ts';

const MODULUS = 2n ** 128n;
const row = (from: number, ok: Partial<LedgerRow['ok']> = {}, partition = 0): LedgerRow => ({
  partition,
  from,
  to: from + 100,
  hour: '2026-11-20T05:00:00+00:00',
  ok: { rows: 10, id: '1000', content: '2000', ...ok },
});
const account = (ledgerRow: LedgerRow, rows: number, id: bigint, content: bigint): HourAccount => ({
  ledgerRow,
  rows,
  id: hashOfDecimal(String(id)),
  content: hashOfDecimal(String(content)),
});
const dropped = (from: number, rows: number, id: bigint, content: bigint): DroppedAccount => ({
  ...{ partition: 0, from, rows, id, content },
});

describe('a ledger row balances', () => {
  test('when its rows of all hours make it up', () => {
    const one = row(0);
    const hours = [account(one, 1, 1n, 1n), account(one, 9, 999n, 1_999n)];
    const { balanced, unbalanced } = balanceLedger([one], hours, []);
    expect([[...balanced], unbalanced]).toEqual([[one], []]);
  });

  test('when some were dropped, also over the modulus', () => {
    const one = row(0);
    const hot = account(one, 4, MODULUS - 1n, 5n);
    const { unbalanced } = balanceLedger([one], [hot], [dropped(0, 6, 1_001n, 1_995n + MODULUS)]);
    expect(unbalanced).toEqual([]);
  });

  test('when nothing was applied and nothing is there', () => {
    const ledger = [row(0, { rows: 0, id: '0', content: '0' })];
    expect(balanceLedger(ledger, [], []).balanced.size).toBe(1);
  });
});

describe('a ledger row does not balance', () => {
  const ledgerRow = row(0);
  const off = (rows: number, id: bigint, content: bigint) =>
    balanceLedger([ledgerRow], [account(ledgerRow, rows, id, content)], []).unbalanced;
  const detail = (rows: number, id: bigint, content: bigint) =>
    hotFindings({ unbalanced: off(rows, id, content), unaccounted: 0 }, { from: null, to: null })[0]
      ?.detail;

  test.each([
    ['a row is gone', 9, 1_000n, 2_000n, /^9 rows in rt_user_interactions .* 10 were applied$/],
    ['a row is of another event', 10, 1_001n, 2_000n, /but of other events$/],
    ['a row was changed', 10, 1_000n, 2_001n, /^a row was changed/],
  ])('when %s', (_, rows, id, content, why) => {
    expect(off(rows, id, content)).toHaveLength(1);
    expect(detail(rows, id, content)).toMatch(why);
  });

  test('and is told of only within the hours that are asked for', () => {
    const unbalanced = off(9, 0n, 0n);
    const within = (from: string | null, to: string | null) =>
      hotFindings(
        { unbalanced, unaccounted: 0 },
        {
          from: from === null ? null : Date.parse(from),
          to: to === null ? null : Date.parse(to),
        },
      ).length;
    expect(within('2026-11-20T05:59Z', null)).toBe(1);
    expect(within('2026-11-20T06:00Z', null)).toBe(0);
    expect(within(null, '2026-11-20T05:00Z')).toBe(0);
    expect(within(null, '2026-11-20T05:01Z')).toBe(1);
  });
});

test('an hour stays that has a row out of balance, or while any row is in no ledger row', () => {
  const [good, bad] = [row(0), row(100)];
  const scan = { balanced: new Set([good]), unaccounted: 0 };
  const hour = [account(good, 1, 0n, 0n)];
  expect(imbalanceOf(scan, hour)).toBeNull();
  expect(imbalanceOf(scan, [...hour, account(bad, 1, 0n, 0n)])).toMatch(
    /partition 0 from offset 100/,
  );
  expect(imbalanceOf({ ...scan, unaccounted: 2 }, hour)).toMatch(/^2 rows .* in no ledger row/);
});

test('an offset is found in the ledger row that covers it, in whatever order they come', () => {
  const ledger = [row(0), row(200), row(0, {}, 1)];
  const rowOf = createLedgerIndex(ledger);
  const asked = [0, 99, 100, 199, 200, 299, 300, 50].map((offset) => rowOf(0, offset));
  const [first, second] = ledger;
  expect(asked).toEqual([first, first, null, null, second, second, null, first]);
  expect(rowOf(1, 5)).toBe(ledger[2]);
  expect(rowOf(2, 5)).toBeNull();
});
