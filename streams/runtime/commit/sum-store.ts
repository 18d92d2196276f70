import { createClaimer } from '../../../connectors/postgres/claim.ts';
import { createPartitionKeeper } from '../../../connectors/postgres/partitions.ts';
import type { PartitionWidth } from '../../../connectors/postgres/partitions.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import type { Accepted, Store, StoreOptions } from '../processor.ts';

/** Tables that hold sums and not events, so that a table of ids has to tell resends apart. */
export interface SumTables<E> {
  /** Has the one column event_id, in time partitions. */
  readonly idTable: string;
  readonly width: PartitionWidth;
  id(event: E): Uint8Array;
  /** Epoch ms of the id. */
  timeMs(event: E): number;
  /** Adds events that were never added before, at least one. */
  add(session: Session, events: readonly Accepted<E>[]): Promise<void>;
}

/** Claims each event's id before it is added: an id that is there already is a resend's. */
export function createSumStore<E>(
  target: SumTables<E>,
  { mayComeAgain }: StoreOptions<E> = {},
): Store<E> {
  const claimer = createClaimer(target.idTable);
  const partitions = createPartitionKeeper(target.idTable, target.width);

  const remembered = (events: readonly Accepted<E>[]) =>
    mayComeAgain === undefined ? events : events.filter(mayComeAgain);

  /** Indexes of resends. */
  async function claim(
    session: Session,
    events: readonly Accepted<E>[],
  ): Promise<readonly number[]> {
    const asked = remembered(events);
    const ids = asked.map(({ event }) => target.id(event));
    const resends = await partitions.guard(() => claimer.claim(session, ids));
    if (asked === events || resends.length === 0) return resends;
    const left = new Set(resends.map((i) => asked[i]));
    return events.flatMap((entry, i) => (left.has(entry) ? [i] : []));
  }

  return {
    prepare: (session, events) =>
      partitions.ensure(
        session,
        remembered(events).map(({ event }) => target.timeMs(event)),
      ),
    async apply(session, { events }, sent) {
      const resends = await claim(session, events);
      const left = new Set(resends);
      const fresh = left.size === 0 ? events : events.filter((_, i) => !left.has(i));
      if (fresh.length === 0) return resends;
      await sent('half');
      await target.add(session, fresh);
      await sent('all');
      return resends;
    },
  };
}
