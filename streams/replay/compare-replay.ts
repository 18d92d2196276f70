import type { Session } from '../../connectors/postgres/session.ts';
import type { Processor } from '../runtime/processor.ts';
import { compareDeadLetters, compareLedgers, compareTables } from './compare-tables.ts';
import type { TableComparison } from './compare-tables.ts';
import type { ReplayContext } from './replay-context.ts';
import type { ShadowPlace } from './shadow-tables.ts';

type Compared = Pick<ReplayContext, 'place' | 'starts'>;

/** Compares the ledger and the dead letters of the replayed offsets. Left is live. */
export async function compareAccounts(
  session: Session,
  { place, starts }: Compared,
): Promise<TableComparison[]> {
  const from = new Map(starts.map((start) => [start.partition, start.ledgerFrom]));
  const live = { schema: place.live, processor: place.processor };
  const replayed = { schema: place.replayed, processor: place.consumerName };
  return [
    await compareLedgers(session, live, replayed, from),
    await compareDeadLetters(session, live, replayed, from),
  ];
}

/** Compares the processor's tables, ledger and dead letters. */
export async function compareReplay(
  session: Session,
  processor: Processor,
  context: Compared,
): Promise<TableComparison[]> {
  const tables = await compareProcessorTables(session, processor, context.place);
  return [...tables, ...(await compareAccounts(session, context))];
}

/** Compares the processor's tables, or those of their rows that `where` (SQL) names. */
export function compareProcessorTables(
  session: Session,
  processor: Processor,
  place: ShadowPlace,
  where?: string,
): Promise<TableComparison[]> {
  return compareTables(session, {
    left: place.live,
    right: place.replayed,
    tables: processor.tables,
    leaveOut: processor.derivedColumns ?? [],
    ...(where === undefined ? {} : { where }),
  });
}
