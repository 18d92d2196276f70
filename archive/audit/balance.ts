import { hashToDecimal } from '../../common/hash.ts';
import { CHECKSUM_MODULUS } from '../format/checksums.ts';
import type { Checksums } from '../format/checksums.ts';
import type { LedgerRow } from './ledger-rows.ts';

/** Rows of the hot table that one ledger row has in one hour of the events' own time. */
export interface HourAccount extends Checksums {
  readonly ledgerRow: LedgerRow;
}

/** Rows of a ledger row that have left the hot table. The sums are not reduced. */
export interface DroppedAccount {
  readonly partition: number;
  /** Begin of the ledger row. */
  readonly from: number;
  readonly rows: number;
  readonly id: bigint;
  readonly content: bigint;
}

export interface Unbalanced {
  readonly ledgerRow: LedgerRow;
  /** Hot and dropped ones together. */
  readonly rows: number;
  readonly idsDiffer: boolean;
  readonly contentsDiffer: boolean;
}

export interface Balance {
  /** Ledger rows whose hot and dropped rows make up what was counted. */
  readonly balanced: ReadonlySet<LedgerRow>;
  /** The others. */
  readonly unbalanced: readonly Unbalanced[];
}

interface Total {
  rows: number;
  id: bigint;
  content: bigint;
}

/**
 * Compares each ledger row with the rows that are hot or were dropped: number, ids and contents.
 */
export function balanceLedger(
  ledger: readonly LedgerRow[],
  accounts: Iterable<HourAccount>,
  dropped: readonly DroppedAccount[],
): Balance {
  const hot = totalsOf(accounts);
  const gone = new Map(dropped.map((account) => [keyOf(account), account]));
  const balanced = new Set<LedgerRow>();
  const unbalanced: Unbalanced[] = [];
  for (const ledgerRow of ledger) {
    const [a, b] = [hot.get(ledgerRow) ?? NOTHING, gone.get(keyOf(ledgerRow)) ?? NOTHING];
    const rows = a.rows + b.rows;
    const idsDiffer = (a.id + b.id) % CHECKSUM_MODULUS !== BigInt(ledgerRow.ok.id);
    const contentsDiffer =
      (a.content + b.content) % CHECKSUM_MODULUS !== BigInt(ledgerRow.ok.content);
    if (rows === ledgerRow.ok.rows && !idsDiffer && !contentsDiffer) balanced.add(ledgerRow);
    else unbalanced.push({ ledgerRow, rows, idsDiffer, contentsDiffer });
  }
  return { balanced, unbalanced };
}

const NOTHING: Readonly<Total> = { rows: 0, id: 0n, content: 0n };

function totalsOf(accounts: Iterable<HourAccount>): Map<LedgerRow, Total> {
  const totals = new Map<LedgerRow, Total>();
  for (const { ledgerRow, rows, id, content } of accounts) {
    const total = totals.get(ledgerRow) ?? { ...NOTHING };
    total.rows += rows;
    total.id += BigInt(hashToDecimal(id));
    total.content += BigInt(hashToDecimal(content));
    totals.set(ledgerRow, total);
  }
  return totals;
}

function keyOf({ partition, from }: Pick<LedgerRow, 'partition' | 'from'>): string {
  return `${partition}/${from}`;
}
