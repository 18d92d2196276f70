import type { Session } from '../connectors/postgres/session.ts';
import type { TopicName } from '../schemas/generated/topics.ts';
import type { UserActionRecord } from '../schemas/generated/types.ts';
import { formatUuid } from '../common/uuid.ts';
import { PROCESSORS } from '../streams/index.ts';
import type { AppliedIds } from '../streams/runtime/declared.ts';
import type { Processor } from '../streams/runtime/processor.ts';

/** An event as it was found on user-actions.v1. */
export interface FoundEvent {
  readonly partition: number;
  readonly offset: number;
  /** Epoch ms; the first receipt for a redriven record. */
  readonly receivedAt: number;
  readonly key: string | null;
  /** Null when the value can't be read. */
  readonly action: UserActionRecord | null;
  /** The processor that a redriven record is meant for. */
  readonly redrivenFor: string | null;
}

/** The fate of an event at one processor: a word and, where it helps, a remark. */
export interface EventOutcome {
  readonly processor: string;
  readonly outcome:
    | 'applied'
    | 'duplicate'
    | 'too_late'
    | 'skipped'
    | 'dead_letter'
    | 'waiting'
    | 'expired'
    | 'missing';
  readonly remark: string | null;
}

/** A processor that keeps the ids of what it applied, and so can tell what became of an event. */
export interface EventReader extends Pick<
  Processor<UserActionRecord>,
  'name' | 'relevant' | 'irrelevantBecause' | 'rowsCarryOffsets'
> {
  readonly appliedIds: AppliedIds;
}

/** All that the tables know of some events. */
export interface Accounts {
  /** By processor and partition: the first offset that is not applied. */
  readonly next: ReadonlyMap<string, number>;
  /** By processor, partition and offset. */
  readonly dead: ReadonlyMap<string, { readonly reason: string; readonly redriven: boolean }>;
  /** By processor and event id: the place of the row's record; null where rows do not say it. */
  readonly rows: ReadonlyMap<string, string | null>;
  /** By table: epoch ms up to which it was dropped. */
  readonly floors: ReadonlyMap<string, number>;
}

/** Each event's outcomes, processor by processor. */
export async function readOutcomes(
  session: Session,
  events: readonly FoundEvent[],
  topic: TopicName,
  lateHorizonMs: number,
): Promise<EventOutcome[][]> {
  const readers = Object.values(PROCESSORS).flatMap((processor): EventReader[] =>
    processor.source.topic === topic && processor.appliedIds !== undefined
      ? [{ ...processor, appliedIds: processor.appliedIds }]
      : [],
  );
  const accounts = await readAccounts(session, readers, events, topic);
  return events.map((event) => outcomesOf(readers, event, accounts, lateHorizonMs));
}

async function readAccounts(
  session: Session,
  readers: readonly EventReader[],
  events: readonly FoundEvent[],
  topic: TopicName,
): Promise<Accounts> {
  const offsets = await session.query<{ at: string; next: number }>(
    `SELECT processor || '/' || partition AS at, next_offset AS next
     FROM stream_offsets WHERE topic = $1`,
    [topic],
  );
  const places = [events.map((e) => e.partition), events.map((e) => e.offset)];
  const dead = await session.query<{ at: string; reason: string; redriven: boolean }>(
    `SELECT d.processor || '/' || d.partition || '/' || d.kafka_offset AS at, d.reason,
       d.redriven_at IS NOT NULL AS redriven
     FROM dead_letters d JOIN unnest($2::int[], $3::bigint[]) AS e(partition, kafka_offset)
       USING (partition, kafka_offset) WHERE d.topic = $1`,
    [topic, ...places],
  );
  const floors = await session.query<{ parent: string; floor_ms: number }>(
    `SELECT parent, (extract(epoch FROM floor) * 1000)::bigint AS floor_ms FROM partition_floors`,
  );
  return {
    next: new Map(offsets.map((o) => [o.at, o.next])),
    dead: new Map(dead.map((d) => [d.at, d])),
    rows: await readRows(session, readers, events),
    floors: new Map(floors.map((f) => [f.parent, f.floor_ms])),
  };
}

async function readRows(
  session: Session,
  readers: readonly EventReader[],
  events: readonly FoundEvent[],
): Promise<Accounts['rows']> {
  const ids = events.flatMap(({ action }) =>
    action === null ? [] : [formatUuid(action.event_id)],
  );
  const rows = new Map<string, string | null>();
  for (const { name, appliedIds, rowsCarryOffsets } of readers) {
    const { table, column } = appliedIds;
    const place = rowsCarryOffsets ? `kafka_partition || '/' || kafka_offset` : 'NULL';
    const found = await session.query<{ id: string; place: string | null }>(
      `SELECT ${column} AS id, ${place} AS place FROM ${table} WHERE ${column} = ANY($1::uuid[])`,
      [ids],
    );
    for (const row of found) rows.set(`${name}/${row.id}`, row.place);
  }
  return rows;
}

/** One event's outcome at each reader, as the accounts have it. */
export function outcomesOf(
  readers: readonly EventReader[],
  event: FoundEvent,
  accounts: Accounts,
  lateHorizonMs: number,
): EventOutcome[] {
  const outcomes = readers.map((reader) => outcomeOf(reader, event, accounts, lateHorizonMs));
  return settleDuplicates(readers, outcomes);
}

function outcomeOf(
  reader: EventReader,
  event: FoundEvent,
  { next, dead, rows, floors }: Accounts,
  lateHorizonMs: number,
): EventOutcome {
  const processor = reader.name;
  const is = (outcome: EventOutcome['outcome'], remark: string | null = null): EventOutcome => ({
    processor,
    outcome,
    remark,
  });
  const { action, partition, offset, redrivenFor } = event;
  const stands = next.get(`${processor}/${partition}`) ?? 0;
  if (offset >= stands) return is('waiting', `${processor} stands at ${stands}`);
  const letter = dead.get(`${processor}/${partition}/${offset}`);
  if (letter !== undefined)
    return is('dead_letter', `${letter.reason}${letter.redriven ? ', redriven since' : ''}`);
  if (redrivenFor !== null && redrivenFor !== processor)
    return is('skipped', `redriven for ${redrivenFor}`);
  if (action === null) return is('missing', 'it cannot be read, and is no dead letter');
  if (event.receivedAt - action.occurred_at > lateHorizonMs) return is('too_late');
  if (!reader.relevant(action)) return is('skipped', reader.irrelevantBecause);

  const at = rows.get(`${processor}/${formatUuid(action.event_id)}`);
  if (at === undefined) {
    const floor = floors.get(reader.appliedIds.table);
    if (floor !== undefined && action.occurred_at < floor)
      return is('expired', 'its partition was dropped since');
    return is('missing', 'it is behind the position and in no account');
  }
  if (at === null || at === `${partition}/${offset}`) return is('applied');
  return is('duplicate', `of ${at}`);
}

/**
 * Rows without a place say applied of both records of one event, unless another reader knows which
 * one was the resend.
 */
function settleDuplicates(
  readers: readonly EventReader[],
  outcomes: readonly EventOutcome[],
): EventOutcome[] {
  const known = outcomes.find(({ outcome }) => outcome === 'duplicate');
  if (known === undefined) return [...outcomes];
  return outcomes.map((o, i) =>
    readers[i]?.rowsCarryOffsets === false && o.outcome === 'applied'
      ? { ...known, processor: o.processor }
      : o,
  );
}
