import { withAdmin } from '../../connectors/kafka/admin.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { ReplayOptions } from './replay-options.ts';
import { planReplay, refused } from './replay-plan.ts';
import type { LivePartition, ReplayStart } from './replay-plan.ts';
import { makeCopies, readLive, readPositions } from './shadow-tables.ts';
import type { Positions, ShadowPlace } from './shadow-tables.ts';

/** Decides where to begin and makes the copies, all from one snapshot of the live tables. */
export async function beginReplay(
  options: ReplayOptions,
  session: Session,
  place: ShadowPlace,
): Promise<ReplayStart[]> {
  return session.transaction(async () => {
    const starts = await startsOf(options, session, place);
    await makeCopies(session, options.processor, place, starts);
    return starts;
  }, 'REPEATABLE READ');
}

async function startsOf(
  { processor, from, brokers, history }: ReplayOptions,
  session: Session,
  place: ShadowPlace,
): Promise<ReplayStart[]> {
  const { topic } = place;
  if (history === undefined) await refuseBackfilled(session, place.processor);
  const live = await readLive(session, place.processor, topic);
  const { bounds, wanted } = await withAdmin({ brokers }, async (admin) => ({
    bounds: await admin.fetchTopicOffsets(topic),
    wanted: from.kind === 'time' ? await admin.fetchTopicOffsetsByTimestamp(topic, from.ms) : null,
  }));
  const byPartition = new Map(bounds.map((b) => [b.partition, b]));
  const partitions = live.map((p): LivePartition => {
    const log = byPartition.get(p.partition);
    return { ...p, logStart: Number(log?.low ?? 0), logEnd: Number(log?.high ?? 0) };
  });
  return (
    (await history?.plan(session, partitions)) ??
    planReplay({
      processor: place.processor,
      topic,
      rowsCarryOffsets: processor.rowsCarryOffsets,
      partitions,
      wanted:
        from.kind === 'earliest'
          ? null
          : from.kind === 'offset'
            ? new Map(partitions.map((p) => [p.partition, from.offset]))
            : new Map(wanted?.map((p) => [p.partition, Number(p.offset)])),
    })
  );
}

/** The log alone can't give what a rebuild brought into the tables. */
async function refuseBackfilled(session: Session, processor: string): Promise<void> {
  const sources = await session.query<{ topic: string }>(
    'SELECT topic FROM applied_backfills WHERE processor = $1 ORDER BY 1',
    [processor],
  );
  if (sources.length === 0) return;
  throw refused(
    `the tables of ${processor} hold history that was backfilled and never was in the log ` +
      `(${sources.map(({ topic }) => topic).join(', ')}): use ` +
      '`marquee rebuild ... --from-archive`',
  );
}

/** Positions of live now, or when the last record before `until` was received. */
export async function limitsOf(
  { brokers, until }: ReplayOptions,
  session: Session,
  place: ShadowPlace,
): Promise<Positions> {
  const live = await readPositions(session, place.live, place.processor, place.topic);
  if (until === undefined) return live;
  const later = await withAdmin({ brokers }, (admin) =>
    admin.fetchTopicOffsetsByTimestamp(place.topic, until),
  );
  // -1 where nothing later is in the log.
  const first = new Map(later.map(({ partition, offset }) => [partition, Number(offset)]));
  return new Map(
    [...live].map(([partition, next]) => {
      const at = first.get(partition) ?? -1;
      return [partition, at < 0 ? next : Math.min(at, next)];
    }),
  );
}
