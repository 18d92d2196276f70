import type { TopicName } from '../../../schemas/generated/topics.ts';
import type { Database, Row } from '../faults/database.ts';
import { READERS, type Expected, type Outcome } from './expected.ts';
import { logEnds } from '../read-topic.ts';
import { until } from '../until.ts';
import type { Environment } from '../faults/environment.ts';
import { MINUTE_MS } from '../../../common/time.ts';

/** One statement about the result; `found` says what was seen when it does not hold. */
export interface Finding {
  readonly check: string;
  readonly holds: boolean;
  readonly found: string;
}

const OUTCOMES: readonly Outcome[] = ['ok', 'duplicate', 'too_late', 'skipped', 'dead'];

const COUNTERS: Readonly<Record<string, string>> = {
  impressions: 'impression',
  views: 'view',
  clicks: 'click',
  plays: 'play',
  progresses: 'progress',
  completes: 'complete',
  rates: 'rate',
  likes: 'like',
  dislikes: 'dislike',
  list_adds: 'list_add',
  list_removes: 'list_remove',
  shares: 'share',
  searches: 'search',
};
const counted = (action: string): string => `count(*) FILTER (WHERE action = '${action}')`;
const latest = (value: string, of: string): string =>
  `(array_agg(${value} ORDER BY event_id DESC) FILTER (WHERE action IN (${of})))[1]`;

/** What each table must hold, by the account of the generator alone: table, its columns, the query. */
const CONTENT: readonly {
  readonly processor: string;
  readonly table: string;
  readonly columns: string;
  readonly expected: string;
}[] = [
  {
    processor: 'interactions',
    table: 'rt_user_interactions',
    columns:
      'event_id, occurred_at, user_id, action, movie_id, value, "position", request_id, app, kafka_partition, kafka_offset',
    expected: 'SELECT * FROM expected.actions',
  },
  {
    processor: 'profiles',
    table: 'profiles_event_ids',
    columns: 'event_id',
    expected: 'SELECT event_id FROM expected.actions',
  },
  {
    processor: 'profiles',
    table: 'user_profiles',
    columns: `user_id, total_interactions, profile_version, ${Object.keys(COUNTERS).join(', ')},
      rating_sum_milli, first_event_id, last_event_id`,
    expected: `SELECT user_id, count(*), count(*), ${Object.values(COUNTERS).map(counted).join(', ')},
      coalesce(sum(round(value * 1000)) FILTER (WHERE action = 'rate'), 0)::bigint,
      (array_agg(event_id ORDER BY event_id))[1], (array_agg(event_id ORDER BY event_id DESC))[1]
      FROM expected.actions GROUP BY user_id`,
  },
  {
    processor: 'profiles',
    table: 'user_history',
    columns: `user_id, movie_id, last_event_id, clicks, views, plays, completes, shares,
      watched_milli, rating_milli, rating_event_id, opinion, opinion_event_id, in_list, list_event_id`,
    expected: `SELECT user_id, movie_id, (array_agg(event_id ORDER BY event_id DESC))[1],
      ${['click', 'view', 'play', 'complete', 'share'].map((a) => `${counted(a)}::int`).join(', ')},
      coalesce(max(round(1000 * CASE action WHEN 'complete' THEN coalesce(value, 1) ELSE value END))
        FILTER (WHERE action IN ('play', 'progress', 'complete')), 0)::int,
      ${latest('round(value * 1000)::int', `'rate'`)}, ${latest('event_id', `'rate'`)},
      coalesce(${latest(`CASE action WHEN 'like' THEN 1 ELSE -1 END`, `'like', 'dislike'`)}, 0)::smallint,
      ${latest('event_id', `'like', 'dislike'`)},
      coalesce(${latest(`action = 'list_add'`, `'list_add', 'list_remove'`)}, false),
      ${latest('event_id', `'list_add', 'list_remove'`)}
      FROM expected.actions WHERE movie_id IS NOT NULL AND action NOT IN ('impression', 'search')
      GROUP BY user_id, movie_id`,
  },
  {
    processor: 'feedback',
    table: 'recommendation_feedback',
    columns:
      'event_id, request_id, occurred_at, movie_id, value, "position", user_id, action, app, kafka_partition, kafka_offset',
    expected: `SELECT event_id, request_id, occurred_at, movie_id, value, "position", user_id, action,
      app, kafka_partition, kafka_offset FROM expected.actions
      WHERE request_id IS NOT NULL AND action <> 'search'`,
  },
  {
    processor: 'serve-logs',
    table: 'recommendation_logs',
    columns:
      'request_id, served_at, user_id, algorithm, cardinality(movie_ids), kafka_partition, kafka_offset',
    expected: 'SELECT * FROM expected.serves',
  },
  {
    processor: 'movies',
    table: 'movies',
    columns:
      'movie_id, title, year, updated_at, withdrawn_at IS NOT NULL, kafka_partition, kafka_offset',
    expected: 'SELECT * FROM expected.movies WHERE title IS NOT NULL',
  },
];

/** Waits until every processor stands at the log's end in all partitions. */
export async function untilCaughtUp(
  environment: Environment,
  processors: readonly string[],
  withinMs: number,
): Promise<void> {
  for (const topic of topicsOf(processors)) {
    const readers = (READERS[topic] ?? []).filter((name) => processors.includes(name));
    const ends = await until(`the ends of ${topic}`, MINUTE_MS, () =>
      logEnds(environment.brokers, topic),
    );
    const behind = async (): Promise<Row[]> =>
      environment.db.query(
        `SELECT name AS processor, e.partition - 1 AS partition, e.log_end, o.next_offset, o.owner
         FROM unnest($1::text[]) AS name
         CROSS JOIN unnest($3::bigint[]) WITH ORDINALITY AS e(log_end, partition)
         LEFT JOIN stream_offsets o
           ON o.processor = name AND o.topic = $2 AND o.partition = e.partition - 1
         WHERE o.next_offset IS DISTINCT FROM e.log_end`,
        [readers, topic, ends],
      );
    await until(
      `${readers.join(', ')} to reach the end of ${topic}`,
      withinMs,
      async () => (await behind()).length === 0,
      behind,
    );
  }
}

export function topicsOf(processors: readonly string[]): TopicName[] {
  return (Object.keys(READERS) as TopicName[]).filter((topic) =>
    (READERS[topic] ?? []).some((name) => processors.includes(name)),
  );
}

/** Holds tables, offsets, ledger and dead letters against the account of who made the records. */
export async function checkAgainstExpected(
  environment: Environment,
  expected: Expected,
  processors: readonly string[],
): Promise<Finding[]> {
  const { db } = environment;
  await expected.load(environment.adminUrl, db);
  const findings: Finding[] = [];
  for (const topic of topicsOf(processors)) {
    const ends = await logEnds(environment.brokers, topic);
    findings.push(same(`${topic} holds each record sent once`, ends, expected.ends(topic)));
    const readers = (READERS[topic] ?? []).filter((name) => processors.includes(name));
    for (const name of readers) findings.push(...(await checkPosition(db, name, topic, ends)));
  }
  findings.push(await none(db, 'ledger ranges join up to next_offset', 'ledger_breaks'));
  for (const name of processors) {
    findings.push(await checkOutcomes(db, name, expected));
    findings.push(await checkDeadLetters(db, name));
  }
  for (const { table, columns, expected: query } of CONTENT.filter(({ processor }) =>
    processors.includes(processor),
  ))
    findings.push(...(await checkContent(db, table, columns, query)));
  findings.push(await none(db, 'the profile outbox is drained', 'profile_outbox'));
  const due = '(SELECT * FROM dead_letters WHERE published_at IS NULL)';
  findings.push(await none(db, 'every dead letter was published', due));
  return findings;
}

async function checkPosition(
  db: Database,
  processor: string,
  topic: TopicName,
  ends: readonly number[],
): Promise<Finding[]> {
  const rows = await db.query<{ partition: number; next_offset: number; first: number | null }>(
    `SELECT partition, next_offset, (SELECT min(from_offset) FROM stream_ledger l
       WHERE (l.processor, l.topic, l.partition) = (o.processor, o.topic, o.partition)) AS first
     FROM stream_offsets o WHERE processor = $1 AND topic = $2 ORDER BY partition`,
    [processor, topic],
  );
  const next = rows.map((row) => row.next_offset);
  const firsts = rows.map((row) => row.first ?? 0);
  return [
    same(`${processor} stands at the end of ${topic}`, next, ends),
    same(
      `${processor}'s ledger begins where ${topic} does`,
      firsts,
      ends.map(() => 0),
    ),
  ];
}

async function checkOutcomes(
  db: Database,
  processor: string,
  expected: Expected,
): Promise<Finding> {
  const [row] = await db.query<Record<string, number>>(
    `SELECT ${OUTCOMES.map((o) => `coalesce(sum(${o}_count), 0)::bigint AS ${o}`).join(', ')}
     FROM stream_ledger WHERE processor = $1`,
    [processor],
  );
  const wanted = Object.fromEntries(OUTCOMES.map((o) => [o, expected.count(processor, o)]));
  return same(`${processor} counted each outcome`, row ?? {}, wanted);
}

async function checkDeadLetters(db: Database, processor: string): Promise<Finding> {
  const topics = topicsOf([processor]);
  const rows = await db.query(
    `SELECT coalesce(d.topic, e.topic) AS topic, coalesce(d.partition, e.kafka_partition) AS partition,
       coalesce(d.kafka_offset, e.kafka_offset) AS kafka_offset, d.reason AS found,
       e.reason AS expected, octet_length(d.value) AS bytes
     FROM (SELECT * FROM dead_letters WHERE processor = $1) d
     FULL JOIN (SELECT * FROM expected.dead WHERE topic = ANY ($2)) e
       ON (d.topic, d.partition, d.kafka_offset) = (e.topic, e.kafka_partition, e.kafka_offset)
     WHERE (d.reason, octet_length(d.value)) IS DISTINCT FROM (e.reason, e.bytes) LIMIT 5`,
    [processor, topics],
  );
  return empty(`${processor} dead-lettered the bad records, each with its reason`, rows);
}

async function checkContent(
  db: Database,
  table: string,
  columns: string,
  query: string,
): Promise<Finding[]> {
  const actual = `SELECT ${columns} FROM marquee.${table}`;
  const lost = await db.query(
    `SELECT 'missing' AS what, x.* FROM (${query} EXCEPT ALL ${actual}) x LIMIT 3`,
  );
  const extra = await db.query(
    `SELECT 'unexpected' AS what, x.* FROM (${actual} EXCEPT ALL ${query}) x LIMIT 3`,
  );
  return [
    empty(`${table}: nothing lost`, lost),
    empty(`${table}: nothing doubled or made up`, extra),
  ];
}

/** The whole state in one snapshot: at any moment tables, ledger and offsets must agree. */
export async function checkSnapshot(db: Database): Promise<Finding> {
  const rows = await db.query(SNAPSHOT_SQL);
  return empty('tables, ledger and offsets agree in the middle of the run', rows);
}

const rowsBeyond = (processor: string, table: string): string => `
  SELECT '${processor}' AS processor, l.partition, l.ok, t.rows, t.last, o.next_offset
  FROM (SELECT partition, sum(ok_count)::bigint AS ok FROM stream_ledger
        WHERE processor = '${processor}' GROUP BY partition) l
  FULL JOIN (SELECT kafka_partition AS partition, count(*) AS rows, max(kafka_offset) AS last
             FROM ${table} GROUP BY 1) t USING (partition)
  LEFT JOIN stream_offsets o ON o.processor = '${processor}' AND o.partition = l.partition
  WHERE coalesce(l.ok, 0) <> coalesce(t.rows, 0) OR t.last >= o.next_offset`;

const SNAPSHOT_SQL = `
${rowsBeyond('interactions', 'rt_user_interactions')}
UNION ALL ${rowsBeyond('feedback', 'recommendation_feedback')}
UNION ALL ${rowsBeyond('serve-logs', 'recommendation_logs')}
UNION ALL
SELECT 'profiles', NULL, l.ok, p.total, ids.count, NULL
FROM (SELECT coalesce(sum(ok_count), 0)::bigint AS ok FROM stream_ledger WHERE processor = 'profiles') l,
     (SELECT coalesce(sum(total_interactions), 0)::bigint AS total FROM user_profiles) p,
     (SELECT count(*) FROM profiles_event_ids) ids
WHERE l.ok <> p.total OR l.ok <> ids.count
UNION ALL
SELECT 'ledger: ' || processor, partition, from_offset, to_offset, next_from, NULL FROM ledger_breaks`;

async function none(db: Database, check: string, from: string): Promise<Finding> {
  return empty(check, await db.query(`SELECT * FROM ${from} x LIMIT 3`));
}

function empty(check: string, rows: readonly Row[]): Finding {
  return { check, holds: rows.length === 0, found: JSON.stringify(rows).slice(0, 1500) };
}

export function same(check: string, found: unknown, wanted: unknown): Finding {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
  return { check, holds: left === right, found: `found ${left}, expected ${right}` };
}

/** Throws with every finding that does not hold. */
export function demand(findings: readonly Finding[], context: string): void {
  const broken = findings.filter(({ holds }) => !holds);
  if (broken.length === 0) return;
  const list = broken.map(({ check, found }) => `  NOT: ${check}\n       ${found}`).join('\n');
  throw new Error(`${broken.length} of ${findings.length} checks fail (${context}):\n${list}`);
}
