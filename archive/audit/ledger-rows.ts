import type { Session } from '../../connectors/postgres/session.ts';
import { userActions } from '../../streams/topics/user-actions.ts';

/**
 * One row of the ledger of `interactions`: offsets [from, to) of one partition and hour of receipt.
 */
export interface LedgerRow {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  /** ISO 8601: hour of receipt. */
  readonly hour: string;
  /** Applied records: their number, and the decimal sums of their hashes. */
  readonly ok: { readonly rows: number; readonly id: string; readonly content: string };
}

/** All rows, by partition and offset. */
export async function readLedgerRows(session: Session): Promise<LedgerRow[]> {
  const rows = await session.query<{
    partition: number;
    from_offset: number;
    to_offset: number;
    hour: string;
    ok_count: number;
    id: string;
    content: string;
  }>(
    `SELECT partition, from_offset, to_offset, to_json(hour) #>> '{}' AS hour, ok_count,
            ok_id_sum::text AS id, ok_content_sum::text AS content
       FROM stream_ledger WHERE processor = 'interactions' AND topic = $1
      ORDER BY partition, from_offset`,
    [userActions.topic],
  );
  return rows.map((r) => ({
    partition: r.partition,
    from: r.from_offset,
    to: r.to_offset,
    hour: r.hour,
    ok: { rows: r.ok_count, id: r.id, content: r.content },
  }));
}

/** The ledger row of an offset; neighbours come together, so the last one found is tried first. */
export function createLedgerIndex(ledger: readonly LedgerRow[]) {
  const byPartition = Map.groupBy(ledger, (row) => row.partition);
  const lastOf = new Map<number, LedgerRow>();
  return (partition: number, offset: number): LedgerRow | null => {
    const last = lastOf.get(partition);
    if (last !== undefined && offset >= last.from && offset < last.to) return last;
    const rows = byPartition.get(partition) ?? [];
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((rows[middle] as LedgerRow).to <= offset) low = middle + 1;
      else high = middle;
    }
    const row = rows[low];
    if (row === undefined || offset < row.from) return null;
    lastOf.set(partition, row);
    return row;
  };
}
