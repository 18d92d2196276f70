import type { Session } from '../connectors/postgres/session.ts';
import type { UserActionRecord } from '../schemas/generated/types.ts';
import { formatUuid } from '../common/uuid.ts';
import { answersServe } from '../streams/feedback/core.ts';

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

/** What became of an event at one processor, in a word and, where it helps, a remark. */
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

interface Standing {
  next: Map<string, number>;
  dead: Map<string, { reason: string; redriven: boolean }>;
  /** By processor and event id: where the row's record stands; null where that is not kept. */
  rows: Map<string, string | null>;
  floors: Map<string, number>;
}

export const READERS = ['interactions', 'profiles', 'feedback'] as const;
const TABLES: Readonly<Record<string, string>> = {
  interactions: 'rt_user_interactions',
  profiles: 'profiles_event_ids',
  feedback: 'recommendation_feedback',
};

/** Says of each event what became of it, processor by processor. */
export async function readOutcomes(
  session: Session,
  events: readonly FoundEvent[],
  topic: string,
  lateHorizonMs: number,
): Promise<EventOutcome[][]> {
  const standing = await readStanding(session, events, topic);
  return events.map((event) =>
    READERS.map((processor) => outcomeOf(processor, event, standing, lateHorizonMs)),
  );
}

async function readStanding(
  session: Session,
  events: readonly FoundEvent[],
  topic: string,
): Promise<Standing> {
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
  const ids = events.flatMap(({ action }) =>
    action === null ? [] : [formatUuid(action.event_id)],
  );
  const rows = await session.query<{ at: string; place: string | null }>(
    `SELECT 'interactions/' || event_id AS at, kafka_partition || '/' || kafka_offset AS place
       FROM rt_user_interactions WHERE event_id = ANY($1::uuid[])
     UNION ALL SELECT 'profiles/' || event_id, NULL
       FROM profiles_event_ids WHERE event_id = ANY($1::uuid[])
     UNION ALL SELECT 'feedback/' || event_id, kafka_partition || '/' || kafka_offset
       FROM recommendation_feedback WHERE event_id = ANY($1::uuid[])`,
    [ids],
  );
  const floors = await session.query<{ parent: string; floor_ms: number }>(
    `SELECT parent, (extract(epoch FROM floor) * 1000)::bigint AS floor_ms FROM partition_floors`,
  );
  return {
    next: new Map(offsets.map((o) => [o.at, o.next])),
    dead: new Map(dead.map((d) => [d.at, d])),
    rows: new Map(rows.map((r) => [r.at, r.place])),
    floors: new Map(floors.map((f) => [f.parent, f.floor_ms])),
  };
}

function outcomeOf(
  processor: string,
  event: FoundEvent,
  { next, dead, rows, floors }: Standing,
  lateHorizonMs: number,
): EventOutcome {
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
  if (processor === 'feedback' && !answersServe(action)) return is('skipped', 'answers no serve');

  const at = rows.get(`${processor}/${formatUuid(action.event_id)}`);
  if (at === undefined) {
    const floor = floors.get(TABLES[processor] ?? '');
    if (floor !== undefined && action.occurred_at < floor)
      return is('expired', 'its partition was dropped since');
    return is('missing', 'it is behind the position and in no account');
  }
  if (at === null || at === `${partition}/${offset}`) return is('applied');
  return is('duplicate', `of ${at}`);
}

/**
 * profiles keeps ids and not where they came from: of two records of one event it says applied of
 * both, unless another processor knows which one was the resend.
 */
export function settleDuplicates(outcomes: readonly EventOutcome[]): EventOutcome[] {
  const known = outcomes.find(({ outcome }) => outcome === 'duplicate');
  if (known === undefined) return [...outcomes];
  return outcomes.map((o) =>
    o.processor === 'profiles' && o.outcome === 'applied' ? { ...known, processor: 'profiles' } : o,
  );
}
