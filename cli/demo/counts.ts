import type { Session } from '../../connectors/postgres/session.ts';

/** What was sent under one import id, and acknowledged by Kafka. */
export interface SentCounts {
  readonly importId: string;
  readonly actions: number;
  readonly serves: number;
  /** Actions that answer one of the serves. */
  readonly answers: number;
  readonly users: readonly string[];
  readonly movieIds: readonly number[];
}

/** What the tables hold of it. */
export interface TableCounts {
  readonly interactions: number;
  readonly movies: number;
  readonly feedback: number;
  readonly serves: number;
  /** total_interactions by user, of those among the asked who have a profile. */
  readonly profiles: ReadonlyMap<string, number>;
  /** Over all processors and times: what was refused, and what came too late. */
  readonly dead: number;
  readonly tooLate: number;
}

const COUNTS = `
SELECT
  (SELECT count(*) FROM rt_user_interactions WHERE properties->>'import' = $1) AS interactions,
  (SELECT count(*) FROM movies WHERE movie_id = ANY($2::bigint[]) AND withdrawn_at IS NULL)
    AS movies,
  (SELECT count(*) FROM recommendation_feedback f JOIN recommendation_logs l USING (request_id)
    WHERE l.properties->>'import' = $1) AS feedback,
  (SELECT count(*) FROM recommendation_logs WHERE properties->>'import' = $1) AS serves,
  (SELECT coalesce(sum(dead_count), 0)::bigint FROM stream_ledger) AS dead,
  (SELECT coalesce(sum(too_late_count), 0)::bigint FROM stream_ledger) AS "tooLate"`;

/** Counts by the import's label; `users` are those that the import may be about. */
export async function readTableCounts(
  session: Session,
  about: Pick<SentCounts, 'importId' | 'users' | 'movieIds'>,
): Promise<TableCounts> {
  const [row] = await session.query<Omit<TableCounts, 'profiles'>>(COUNTS, [
    about.importId,
    about.movieIds,
  ]);
  if (row === undefined) throw new Error('the counts came without a row');
  const totals = await session.query<{ user_id: string; total: number }>(
    `SELECT user_id, total_interactions AS total FROM user_profiles
     WHERE user_id = ANY($1::text[])`,
    [about.users],
  );
  return { ...row, profiles: new Map(totals.map(({ user_id, total }) => [user_id, total])) };
}

/** One line of the comparison. */
export interface CountCheck {
  readonly table: string;
  readonly what: string;
  readonly sent: number;
  readonly found: number;
  /** What this run added to `found`. */
  readonly added: number;
}

/**
 * Holds what was sent against the tables before and after. The profiles must have counted exactly
 * the rows that are new among the interactions, and nothing may have been refused meanwhile.
 */
export function compareCounts(
  sent: SentCounts,
  before: TableCounts,
  after: TableCounts,
): readonly CountCheck[] {
  type Counted = Exclude<keyof TableCounts, 'profiles'>;
  const added = (name: Counted): number => after[name] - before[name];
  const rows = (table: string, what: string, expected: number, name: Counted): CountCheck => ({
    ...{ table, what, sent: expected },
    ...{ found: after[name], added: added(name) },
  });
  const changes = (table: string, what: string, expected: number, change: number): CountCheck => ({
    ...{ table, what, sent: expected },
    ...{ found: change, added: change },
  });
  const known = (counts: TableCounts): number =>
    sent.users.reduce((sum, user) => sum + Number(counts.profiles.has(user)), 0);
  const total = (counts: TableCounts): number =>
    sent.users.reduce((sum, user) => sum + (counts.profiles.get(user) ?? 0), 0);
  return [
    rows('rt_user_interactions', 'user actions', sent.actions, 'interactions'),
    rows('movies', 'movies', sent.movieIds.length, 'movies'),
    {
      ...{ table: 'user_profiles', what: 'users', sent: sent.users.length },
      ...{ found: known(after), added: known(after) - known(before) },
    },
    changes(
      'user_profiles',
      'new actions in them',
      added('interactions'),
      total(after) - total(before),
    ),
    rows('recommendation_logs', 'serves', sent.serves, 'serves'),
    rows('recommendation_feedback', 'answers to serves', sent.answers, 'feedback'),
    changes('dead_letters', 'refused', 0, added('dead')),
    changes('stream_ledger', 'too late', 0, added('tooLate')),
  ];
}

export function agrees(check: CountCheck): boolean {
  return check.sent === check.found;
}
