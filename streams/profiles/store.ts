import { createClaimer } from '../../connectors/postgres/claim.ts';
import { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import { isMissingPartition } from '../../connectors/postgres/errors.ts';
import { createPartitionKeeper } from '../../connectors/postgres/partitions.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import type { Accepted, Store, StoreOptions } from '../runtime/processor.ts';
import { COUNTER_COLUMNS, entersHistory, milli, planProfiles } from './core.ts';
import type { HistoryDelta, ProfileDelta } from './core.ts';

const SUMS = ['total_interactions', ...COUNTER_COLUMNS, 'rating_sum_milli'];
const PROFILE_COLUMNS = ['user_id', ...SUMS, 'first_event_id', 'last_event_id'];
// What a batch adds fits an int. Keys order as the tables' keys do: by bytes.
const PROFILE_TYPES = ['text COLLATE "C"', ...SUMS.map(() => 'int'), 'uuid', 'uuid'];

/** With one outbox row a batch: the users whose history moves ($1), with their version after it. */
const PROFILE_UPSERT = `
WITH merged AS (
  INSERT INTO user_profiles AS p (${PROFILE_COLUMNS.join(', ')}, profile_version)
  SELECT ${PROFILE_COLUMNS.join(', ')}, total_interactions FROM staged_user_profiles ORDER BY user_id
  ON CONFLICT (user_id) DO UPDATE SET
    ${SUMS.map((c) => `${c} = p.${c} + excluded.${c}`).join(', ')},
    profile_version = p.profile_version + excluded.total_interactions,
    first_event_id = least(p.first_event_id, excluded.first_event_id),
    last_event_id = greatest(p.last_event_id, excluded.last_event_id)
  RETURNING user_id, profile_version)
INSERT INTO profile_outbox (user_ids, versions, changed_at)
SELECT array_agg(user_id), array_agg(profile_version), to_timestamp($2 / 1000.0)
FROM merged WHERE user_id = ANY($1::text[]) HAVING count(*) > 0`;

const HISTORY_SUMS = ['clicks', 'views', 'plays', 'completes', 'shares'];
const HISTORY_COLUMNS = [
  'user_id',
  'movie_id',
  'last_event_id',
  ...HISTORY_SUMS,
  'watched_milli',
  'rating_milli',
  'rating_event_id',
  'opinion',
  'opinion_event_id',
  'in_list',
  'list_event_id',
];
const HISTORY_TYPES = [
  'text COLLATE "C"',
  'bigint',
  'uuid',
  ...HISTORY_SUMS.map(() => 'int'),
  'int',
  'int',
  'uuid',
  'smallint',
  'uuid',
  'boolean',
  'uuid',
];

/** The value whose event is later; the id's order is the order of time. */
const later = (value: string, id: string) =>
  `${value} = CASE WHEN excluded.${id} > h.${id} OR (h.${id} IS NULL AND excluded.${id} IS NOT NULL)
     THEN excluded.${value} ELSE h.${value} END, ${id} = greatest(h.${id}, excluded.${id})`;

const HISTORY_UPSERT = `
INSERT INTO user_history AS h (${HISTORY_COLUMNS.join(', ')})
SELECT ${HISTORY_COLUMNS.join(', ')} FROM staged_user_history ORDER BY user_id, movie_id
ON CONFLICT (user_id, movie_id) DO UPDATE SET
  last_event_id = greatest(h.last_event_id, excluded.last_event_id),
  ${HISTORY_SUMS.map((c) => `${c} = h.${c} + excluded.${c}`).join(', ')},
  watched_milli = greatest(h.watched_milli, excluded.watched_milli),
  ${later('rating_milli', 'rating_event_id')},
  ${later('opinion', 'opinion_event_id')},
  ${later('in_list', 'list_event_id')}`;

type Entry = Accepted<UserActionRecord>;

export function createProfilesStore({
  mayComeAgain,
}: StoreOptions<UserActionRecord> = {}): Store<UserActionRecord> {
  const claimer = createClaimer('profiles_event_ids');
  const partitions = createPartitionKeeper('profiles_event_ids', '1 hour');
  const out = new CopyWriter(1 << 18);

  async function upsert(
    session: Session,
    staging: string,
    columns: readonly string[],
    types: readonly string[],
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<void> {
    const fields = columns.map((c, i) => `${c} ${types[i] ?? ''}`).join(', ');
    await session.execute(
      `CREATE TEMPORARY TABLE IF NOT EXISTS ${staging} (${fields}) ON COMMIT DELETE ROWS`,
    );
    await session.copy(`${staging} (${columns.join(', ')})`, out.take());
    await session.execute(sql, values);
  }

  const remembered = (events: readonly Entry[]) =>
    mayComeAgain === undefined ? events : events.filter(mayComeAgain);

  /** Indexes of resends. */
  async function claim(session: Session, events: readonly Entry[]): Promise<readonly number[]> {
    const asked = remembered(events);
    try {
      const resends = await claimer.claim(
        session,
        asked.map(({ event }) => event.event_id),
      );
      if (asked === events || resends.length === 0) return resends;
      const left = new Set(resends.map((i) => asked[i]));
      return events.flatMap((entry, i) => (left.has(entry) ? [i] : []));
    } catch (error) {
      if (isMissingPartition(error)) partitions.forget();
      throw error;
    }
  }

  return {
    prepare: (session, events) =>
      partitions.ensure(
        session,
        remembered(events).map(({ event }) => event.occurred_at),
      ),
    async apply(session, { events }, sent) {
      const resends = await claim(session, events);
      const left = new Set(resends);
      const fresh = left.size === 0 ? events : events.filter((_, i) => !left.has(i));
      if (fresh.length === 0) return resends;
      const plan = planProfiles(fresh.map(({ event }) => event));

      out.reset();
      for (const delta of plan.profiles) writeProfile(out, delta);
      await sent('half');
      const moved = plan.profiles.filter(({ movies }) => movies.size > 0).map((p) => p.userId);
      await upsert(
        session,
        'staged_user_profiles',
        PROFILE_COLUMNS,
        PROFILE_TYPES,
        PROFILE_UPSERT,
        [moved, newestReceipt(fresh)],
      );
      if (plan.histories.length > 0) {
        out.reset();
        for (const delta of plan.histories) writeHistory(out, delta);
        await upsert(
          session,
          'staged_user_history',
          HISTORY_COLUMNS,
          HISTORY_TYPES,
          HISTORY_UPSERT,
        );
      }
      await sent('all');
      return resends;
    },
  };
}

/** The newest receipt among what moves a history. */
function newestReceipt(events: readonly Entry[]): number {
  let at = 0;
  for (const { event, receivedAt } of events)
    if (receivedAt > at && entersHistory(event)) at = receivedAt;
  return at;
}

function writeProfile(out: CopyWriter, delta: ProfileDelta): void {
  out.row(PROFILE_COLUMNS.length);
  out.text(delta.userId);
  out.int4(delta.total);
  for (const count of delta.counts) out.int4(count);
  out.int4(delta.ratingSumMilli);
  out.raw(delta.first.event_id);
  out.raw(delta.last.event_id);
}

function writeHistory(out: CopyWriter, delta: HistoryDelta): void {
  const { rating, opinion, list } = delta;
  out.row(HISTORY_COLUMNS.length);
  out.text(delta.userId);
  out.int8(delta.movieId);
  out.raw(delta.last.event_id);
  out.int4(delta.clicks);
  out.int4(delta.views);
  out.int4(delta.plays);
  out.int4(delta.completes);
  out.int4(delta.shares);
  out.int4(delta.watchedMilli);
  out.int4(rating === null ? null : milli(rating.value ?? 0));
  out.raw(rating?.event_id ?? null);
  out.int2(opinion === null ? 0 : opinion.action === 'like' ? 1 : -1);
  out.raw(opinion?.event_id ?? null);
  out.bool(list?.action === 'list_add');
  out.raw(list?.event_id ?? null);
}
