import { isConnectionLoss } from '../../../connectors/postgres/errors.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import type { KafkaRecord } from '../../../connectors/kafka/port.ts';
import { insertDeadLetters } from './dead-letters.ts';
import type { Failpoint } from '../failpoints.ts';
import type { Held } from '../consume/partition-task.ts';
import { writeLedger } from './ledger.ts';
import type { OpenLedgerRow } from './ledger.ts';
import { advance, identityOf, pointToLedgerRows, readOpenLedgerRows } from './offsets.ts';
import type { ProcessorKey, Step } from './offsets.ts';
import type { Prepared } from './decode-batch.ts';
import type { Store } from '../processor.ts';

/** Records of one partition on their way, from the position held. */
export interface Portion {
  readonly held: Held;
  readonly records: readonly KafkaRecord[];
  readonly next: number;
}

export type BatchResult =
  | { readonly kind: 'committed'; readonly openRows: ReadonlyMap<number, OpenLedgerRow> }
  /** Another owner, or another position: nothing was written. */
  | { readonly kind: 'fenced' };

/** COMMIT was sent and the answer is not known. */
export class CommitUnknown extends Error {
  constructor(cause: unknown) {
    super('the answer to COMMIT was lost', { cause });
    this.name = 'CommitUnknown';
  }
}

export function stepsOf(portions: readonly Portion[]): Step[] {
  return portions.map(({ held, records, next }) => {
    const last = records.at(-1);
    return {
      partition: held.partition,
      epoch: held.epoch,
      from: held.position,
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
  portions: readonly Portion[],
  prepared: Prepared<E>,
): Promise<BatchResult> {
  const { key, store, failpoint } = context;
  await store.prepare(session, prepared.accepted);
  await session.execute('BEGIN');
  let openRows: ReadonlyMap<number, OpenLedgerRow>;
  try {
    const ledgerFrom = await advance(session, key, stepsOf(portions));
    if (ledgerFrom === null) {
      await session.execute('ROLLBACK');
      return { kind: 'fenced' };
    }
    failpoint('cas_done');
    const change = { events: prepared.accepted, rows: prepared.rows };
    const resends = await store.apply(session, change, async (part) => {
      failpoint(part === 'half' ? 'copy_half' : 'copy_sent');
      return Promise.resolve();
    });
    for (const index of resends) prepared.markDuplicate(index);
    await insertDeadLetters(session, key, prepared.dead);
    const openBefore = await openLedgerRows(session, key, portions, ledgerFrom);
    openRows = await writeLedger(session, key, prepared.runs, openBefore);
    const moved = new Map(
      [...openRows].filter(([partition, row]) => openBefore.get(partition)?.from !== row.from),
    );
    if (moved.size > 0) await pointToLedgerRows(session, key, moved);
    failpoint('before_commit');
  } catch (error) {
    if (session.usable()) await session.execute('ROLLBACK').catch(() => undefined);
    throw error;
  }
  try {
    await session.execute('COMMIT');
  } catch (error) {
    // A refused COMMIT (a serialisation fault, a full disk) has rolled back; a lost answer has not said.
    if (isConnectionLoss(error)) throw new CommitUnknown(error);
    throw error;
  }
  failpoint('after_commit');
  return { kind: 'committed', openRows };
}

/** The rows to extend: as remembered, or read again where a replay has replaced the ledger. */
async function openLedgerRows(
  session: Session,
  key: ProcessorKey,
  portions: readonly Portion[],
  ledgerFrom: ReadonlyMap<number, number | null>,
): Promise<ReadonlyMap<number, OpenLedgerRow | null>> {
  const open = new Map(portions.map(({ held }) => [held.partition, held.openLedgerRow]));
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
