import type { Session } from '../../../connectors/postgres/session.ts';
import { Rollback } from '../../../connectors/postgres/transaction.ts';
import { insertDeadLetters } from './dead-letters.ts';
import type { Failpoint } from '../failpoints.ts';
import { writeLedger } from './ledger.ts';
import type { OpenLedgerRow } from './ledger.ts';
import { advance, identityOf, pointToLedgerRows, readOpenLedgerRows } from './offsets.ts';
import type { ProcessorKey, Step } from './offsets.ts';
import type { DecodedBatch } from './decode-batch.ts';
import type { PartitionBatch } from './partition-batch.ts';
import type { Store } from '../processor.ts';

export type BatchResult =
  | { readonly kind: 'committed'; readonly openRows: ReadonlyMap<number, OpenLedgerRow> }
  /** Another owner, or another position: nothing was written. */
  | { readonly kind: 'fenced' };

export function stepsOf(batches: readonly PartitionBatch[]): Step[] {
  return batches.map(({ partition, epoch, from, next, records }) => {
    const last = records.at(-1);
    return {
      partition,
      epoch,
      from,
      after: next,
      last: last === undefined ? null : { offset: last.offset, identity: identityOf(last) },
      asOf: last?.timestamp ?? null,
    };
  });
}

export interface BatchContext<E> {
  readonly key: ProcessorKey;
  readonly store: Store<E>;
  readonly failpoint: Failpoint;
}

/**
 * One batch is one transaction: the compare-and-set on the offsets first, so that a stale owner
 * fails before it sends rows and two owners wait for each other on that row alone; then the rows,
 * the dead letters and the ledger. Rolls back and throws on any fault.
 */
export async function applyBatch<E>(
  session: Session,
  context: BatchContext<E>,
  batches: readonly PartitionBatch[],
  decoded: DecodedBatch<E>,
): Promise<BatchResult> {
  const { key, store, failpoint } = context;
  await store.prepare(session, decoded.accepted);
  const result = await session.transaction<BatchResult>(async () => {
    const ledgerFrom = await advance(session, key, stepsOf(batches));
    if (ledgerFrom === null) return new Rollback({ kind: 'fenced' });
    failpoint('cas_done');
    const write = { events: decoded.accepted, rows: decoded.rows };
    const resends = await store.apply(session, write, async (part) => {
      failpoint(part === 'half' ? 'copy_half' : 'copy_sent');
      return Promise.resolve();
    });
    for (const index of resends) decoded.markDuplicate(index);
    await insertDeadLetters(session, key, decoded.dead);
    const openBefore = await openLedgerRows(session, key, batches, ledgerFrom);
    const openRows = await writeLedger(session, key, decoded.ledger, openBefore);
    const moved = new Map(
      [...openRows].filter(([partition, row]) => openBefore.get(partition)?.from !== row.from),
    );
    if (moved.size > 0) await pointToLedgerRows(session, key, moved);
    failpoint('before_commit');
    return { kind: 'committed', openRows };
  });
  if (result.kind === 'committed') failpoint('after_commit');
  return result;
}

/** The rows to extend: as remembered, or read again where a replay has replaced the ledger. */
async function openLedgerRows(
  session: Session,
  key: ProcessorKey,
  batches: readonly PartitionBatch[],
  ledgerFrom: ReadonlyMap<number, number | null>,
): Promise<ReadonlyMap<number, OpenLedgerRow | null>> {
  const open = new Map(batches.map((batch) => [batch.partition, batch.openLedgerRow]));
  const stale = [...open].filter(
    ([partition, row]) => (row?.from ?? null) !== ledgerFrom.get(partition),
  );
  if (stale.length === 0) return open;
  const read = await readOpenLedgerRows(
    session,
    key,
    stale.map(([partition]) => partition),
  );
  for (const [partition] of stale) open.set(partition, read.get(partition) ?? null);
  return open;
}
