import { isConnectionLoss } from '../../connectors/postgres/errors.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { KafkaRecord } from '../../connectors/kafka/port.ts';
import { insertDeadLetters } from './dead-letters.ts';
import type { Failpoint } from './failpoints.ts';
import type { Held } from './held.ts';
import { writeLedger } from './ledger.ts';
import type { OpenLedgerRow } from './ledger.ts';
import { advance, identityOf, pointToLedgerRows } from './offsets.ts';
import type { ProcessorKey, Step } from './offsets.ts';
import type { Prepared } from './prepare.ts';
import type { Store } from './processor.ts';

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
  /** False in a replay, where the live run has the records' dead letters already. */
  readonly keepsDeadLetters: boolean;
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
    if (!(await advance(session, key, stepsOf(portions)))) {
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
    if (context.keepsDeadLetters) await insertDeadLetters(session, key, prepared.dead);
    const openBefore = new Map(portions.map((p) => [p.held.partition, p.held.openLedgerRow]));
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
