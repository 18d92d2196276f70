import type { Session } from '../../../connectors/postgres/session.ts';
import { addHash, createHash128, hashToDecimal, subtractHash } from '../../../common/hash.ts';
import type { Hash128 } from '../../../common/hash.ts';
import { HOUR_MS } from '../../../common/time.ts';

/**
 * The ledger says what became of every record: per topic partition, ranges of offsets that join
 * without gap or overlap, cut where the hour of receipt changes, and for each outcome the count and
 * the sums modulo 2^128 of a hash of the event's id and of its content. (For a record that could
 * not be decoded both hashes are of its value bytes. The content of an event is hashed in the form of
 * its row where the processor's table keeps the whole event, else as the value's bytes.) A batch extends the open row or begins one.
 */
export const OUTCOMES = ['ok', 'duplicate', 'too_late', 'skipped', 'dead'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Account {
  count: number;
  readonly idSum: Hash128;
  readonly contentSum: Hash128;
}

/** Offsets [from, to) of one partition whose receipt fell into one hour. */
export interface LedgerRange {
  readonly partition: number;
  readonly from: number;
  to: number;
  /** Hours since the epoch. */
  readonly hour: number;
  readonly accounts: Readonly<Record<Outcome, Account>>;
}

/** The ledger row that a partition's next range may extend. */
export interface OpenLedgerRow {
  readonly from: number;
  readonly hour: number;
}

export function hourOf(epochMs: number): number {
  return Math.floor(epochMs / HOUR_MS);
}

export function createLedgerRange(partition: number, from: number, hour: number): LedgerRange {
  const account = (): Account => ({
    count: 0,
    idSum: createHash128(),
    contentSum: createHash128(),
  });
  return {
    partition,
    from,
    to: from,
    hour,
    accounts: {
      ok: account(),
      duplicate: account(),
      too_late: account(),
      skipped: account(),
      dead: account(),
    },
  };
}

export function addTo(account: Account, id: Hash128, content: Hash128): void {
  account.count++;
  addHash(account.idSum, id);
  addHash(account.contentSum, content);
}

export function moveBetween(from: Account, to: Account, id: Hash128, content: Hash128): void {
  from.count--;
  subtractHash(from.idSum, id);
  subtractHash(from.contentSum, content);
  addTo(to, id, content);
}

const ACCOUNT_COLUMNS = OUTCOMES.flatMap((o) => [`${o}_count`, `${o}_id_sum`, `${o}_content_sum`]);

// Ranges join by construction: a row is extended only where it ends, and an insert that meets
// another row's beginning without ending there changes nothing, which the caller sees by the count.
const WRITE_SQL = `
INSERT INTO stream_ledger AS l
  (processor, topic, partition, from_offset, to_offset, hour, ${ACCOUNT_COLUMNS.join(', ')})
SELECT $1, $2, r.partition, r.row_from, r.to_offset, to_timestamp(r.hour * 3600.0),
       ${OUTCOMES.map((_, i) => `r.c${i}, r.i${i}, r.s${i}`).join(', ')}
FROM unnest($3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
            ${OUTCOMES.map((_, i) => `$${8 + i * 3}::bigint[], $${9 + i * 3}::numeric[], $${10 + i * 3}::numeric[]`).join(', ')})
  AS r(partition, row_from, run_from, to_offset, hour,
       ${OUTCOMES.map((_, i) => `c${i}, i${i}, s${i}`).join(', ')})
ON CONFLICT (processor, topic, partition, from_offset) DO UPDATE SET
  to_offset = excluded.to_offset,
  ${OUTCOMES.map(
    (o) => `${o}_count = l.${o}_count + excluded.${o}_count,
  ${o}_id_sum = mod(l.${o}_id_sum + excluded.${o}_id_sum, 340282366920938463463374607431768211456),
  ${o}_content_sum = mod(l.${o}_content_sum + excluded.${o}_content_sum, 340282366920938463463374607431768211456)`,
  ).join(',\n  ')}
WHERE l.hour = excluded.hour AND l.to_offset = ANY($23::bigint[])`;

/** The row that a range goes to: the open one when it continues it in the same hour, else its own. */
export function ledgerRowFor(range: LedgerRange, open: OpenLedgerRow | null): OpenLedgerRow {
  return open !== null && open.hour === range.hour ? open : { from: range.from, hour: range.hour };
}

/**
 * Writes the ranges in the batch's transaction. `open` gives each partition's open row; returns the
 * rows that are open afterwards. Throws an Error when a range would not join: a broken invariant.
 */
export async function writeLedger(
  session: Session,
  key: { readonly processor: string; readonly topic: string },
  ranges: readonly LedgerRange[],
  open: ReadonlyMap<number, OpenLedgerRow | null>,
): Promise<ReadonlyMap<number, OpenLedgerRow>> {
  const openAfter = new Map<number, OpenLedgerRow>();
  const columns: unknown[][] = [[], [], [], [], [], ...OUTCOMES.flatMap(() => [[], [], []])];
  const extendedEnds: number[] = [];
  let previous = new Map(open);
  for (const range of ranges) {
    const row = ledgerRowFor(range, previous.get(range.partition) ?? null);
    if (row.from !== range.from) extendedEnds.push(range.from);
    openAfter.set(range.partition, row);
    previous = previous.set(range.partition, row);
    const accounts = OUTCOMES.flatMap((outcome) => {
      const { count, idSum, contentSum } = range.accounts[outcome];
      return [count, hashToDecimal(idSum), hashToDecimal(contentSum)];
    });
    [range.partition, row.from, range.from, range.to, range.hour, ...accounts].forEach((value, i) =>
      columns[i]?.push(value),
    );
  }
  const written = await session.execute(WRITE_SQL, [
    key.processor,
    key.topic,
    ...columns,
    extendedEnds,
  ]);
  if (written !== ranges.length)
    throw new Error(
      `ledger of ${key.processor} on ${key.topic}: a range does not join: ` +
        ranges.map((r) => `${r.partition}:[${r.from},${r.to})`).join(' '),
    );
  return openAfter;
}
