import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { formatUuid } from '../../../common/uuid.ts';
import { lowestUuidAt } from '../../support/lowest-uuid.ts';
import { createDatabase, value, values } from '../../support/sql-database.ts';
import type { TestDatabase } from '../../support/sql-database.ts';
import { HOUR_MS } from '../../../common/time.ts';
import { RETAINED_TABLES } from '../../../operations/retention-settings.ts';

let database: TestDatabase;
let writer: pg.Client;
let migrator: pg.Client;
beforeAll(async () => {
  database = await createDatabase();
  writer = await database.session('writer');
  migrator = await database.session('migrator');
});
afterAll(() => database.close());
beforeEach(async () => {
  const { rows } = await migrator.query<{ partition: string }>(
    `SELECT inhrelid::regclass::text AS partition FROM pg_inherits i
       JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind = 'r'`,
  );
  for (const { partition } of rows) await migrator.query(`DROP TABLE ${partition}`);
  await migrator.query('DELETE FROM partition_floors; DELETE FROM stream_offsets');
});

const ensure = (session: pg.Client, parent: string, times: (string | null)[], width = '1 hour') =>
  value(session, 'SELECT ensure_partitions($1, $2, $3)', [parent, times, width]);

const insertAt = (session: pg.Client, id: Buffer) =>
  session.query(
    `INSERT INTO rt_user_interactions (event_id, occurred_at, received_at, kafka_offset,
       kafka_partition, user_id, action, app, properties)
     VALUES ($1, now(), now(), 0, 0, 'u', 'view', 'test', '{}')`,
    [formatUuid(id)],
  );

it('bounds an hour by the lowest ids that the SDK makes of it and of the next', async () => {
  const at = Date.parse('2026-11-20T10:00:00.000Z');
  expect(await value(writer, 'SELECT lowest_uuid_at($1)', [new Date(at + 7)])).toBe(
    formatUuid(lowestUuidAt(at + 7)),
  );
  expect(await ensure(writer, 'rt_user_interactions', ['2026-11-20T10:59:59.999Z'])).toBe(1);
  await insertAt(writer, lowestUuidAt(at));
  const last = lowestUuidAt(at + 3_599_999).fill(0xff, 8);
  await insertAt(writer, last);
  expect(
    await values(
      writer,
      'SELECT DISTINCT tableoid::regclass::text FROM rt_user_interactions ORDER BY 1',
    ),
  ).toEqual([['rt_user_interactions_2026112010']]);
  for (const outside of [at - 1, at + HOUR_MS]) {
    await expect(insertAt(writer, lowestUuidAt(outside))).rejects.toMatchObject({ code: '23514' });
  }
});

it('gives every microsecond the bound of its millisecond', async () => {
  const wrong = await values(
    writer,
    `SELECT t FROM (SELECT timestamptz '2001-01-01Z' + n * interval '12345.678901 s' AS t
                      FROM generate_series(0, 200000) AS n) AS s
      WHERE uuid_time(lowest_uuid_at(t)) IS DISTINCT FROM date_trunc('milliseconds', t)`,
  );
  expect(wrong).toEqual([]);
});

it('makes the hours that are missing, each once, and joins them without a gap', async () => {
  const times = ['2026-11-20T10:10Z', '2026-11-20T11:10Z', null, '2026-11-20T10:50Z'];
  expect(await ensure(writer, 'rt_user_interactions', times)).toBe(2);
  expect(await ensure(writer, 'rt_user_interactions', [...times, '2026-11-20T12:00Z'])).toBe(1);
  const rows = await values(
    writer,
    `SELECT partition::text, starts_at, ends_at FROM partitions_of('rt_user_interactions')`,
  );
  const hour = (h: number) => new Date(Date.UTC(2026, 10, 20, h));
  expect(rows).toEqual(
    [10, 11, 12].map((h) => [`rt_user_interactions_20261120${String(h)}`, hour(h), hour(h + 1)]),
  );
});

it('makes UTC days, whatever the time zone of the session', async () => {
  const session = await database.session('writer');
  await session.query(`SET timezone = 'Pacific/Auckland'`);
  await ensure(session, 'recommendation_logs', ['2026-11-20T23:59:59Z'], '1 day');
  expect(
    await values(
      session,
      `SELECT partition::text, starts_at FROM partitions_of('recommendation_logs')`,
    ),
  ).toEqual([['recommendation_logs_20261120', new Date('2026-11-20T00:00:00Z')]]);
});

it('gives a partition the key, the indexes and the checks of its parent', async () => {
  await ensure(writer, 'recommendation_feedback', ['2026-11-20T10:00Z'], '1 day');
  expect(
    await values(
      writer,
      `SELECT pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = 'recommendation_feedback_20261120'::regclass ORDER BY 1`,
    ),
  ).toEqual([
    [
      'CREATE INDEX recommendation_feedback_20261120_request_id_idx ON marquee.recommendation_feedback_20261120 USING btree (request_id)',
    ],
    [
      'CREATE UNIQUE INDEX recommendation_feedback_20261120_pkey ON marquee.recommendation_feedback_20261120 USING btree (event_id)',
    ],
  ]);
});

it('lets many sessions ask for the same hours at once', async () => {
  const sessions = await Promise.all(Array.from({ length: 8 }, () => database.session('writer')));
  const times = Array.from({ length: 12 }, (_, h) =>
    new Date(Date.UTC(2026, 10, 21, h)).toISOString(),
  );
  const made = await Promise.all(
    sessions.map((session, i) =>
      ensure(session, 'rt_user_interactions', i % 2 === 0 ? times : times.toReversed()),
    ),
  );
  expect(made.reduce((sum: number, n) => sum + (n as number), 0)).toBe(12);
  expect(
    await value(writer, `SELECT count(*)::int FROM partitions_of('rt_user_interactions')`),
  ).toBe(12);
});

it('waits for no batch under way, and no batch waits for it', async () => {
  const at = Date.parse('2026-11-20T10:00:00Z');
  await ensure(writer, 'rt_user_interactions', ['2026-11-20T10:00Z']);
  const other = await database.session('writer');
  await other.query(`SET lock_timeout = '2s'`);
  await writer.query(`BEGIN; SET LOCAL lock_timeout = '2s'`);
  await insertAt(writer, lowestUuidAt(at));
  await other.query('BEGIN');
  expect(await ensure(other, 'rt_user_interactions', ['2026-11-20T11:00Z'])).toBe(1);
  await insertAt(writer, lowestUuidAt(at + 1));
  await other.query('COMMIT');
  await insertAt(writer, lowestUuidAt(at + HOUR_MS));
  await writer.query('COMMIT');
  expect(await value(writer, 'SELECT count(*)::int FROM rt_user_interactions')).toBe(3);
});

it.each([
  ['another width', 'rt_user_interactions', '30 minutes', '22023', 'expected 1 hour or 1 day'],
  ['a table that has no partitions', 'user_profiles', '1 hour', '22023', 'not a partitioned table'],
  [
    'a table of another schema',
    'pg_catalog.pg_class',
    '1 hour',
    '22023',
    'not a partitioned table',
  ],
])('refuses %s', async (_, parent, width, code, message) => {
  await expect(ensure(writer, parent, ['2026-11-20T10:00Z'], width)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message) as string,
  });
});

it('makes no second partition beside one that is detached and waits to be dropped', async () => {
  await ensure(writer, 'rt_user_interactions', ['2026-11-20T10:00Z']);
  await migrator.query(
    'ALTER TABLE rt_user_interactions DETACH PARTITION rt_user_interactions_2026112010',
  );
  await expect(ensure(writer, 'rt_user_interactions', ['2026-11-20T10:30Z'])).rejects.toMatchObject(
    {
      code: '55000',
      message: expect.stringContaining(
        'rt_user_interactions_2026112010 exists but is not attached',
      ) as string,
    },
  );
  await migrator.query('DROP TABLE rt_user_interactions_2026112010');
});

const drop = (before: string, dryRun: boolean, parent = 'profiles_event_ids') =>
  values(writer, 'SELECT drop_partitions_before($1, $2, $3)', [parent, before, dryRun]);

const standAt = (asOf: string, partition = 0) =>
  writer.query(
    `INSERT INTO stream_offsets (processor, topic, partition, next_offset, as_of)
     VALUES ('profiles', 'user-actions.v1', $1, 1, $2)
     ON CONFLICT (processor, topic, partition) DO UPDATE SET as_of = excluded.as_of`,
    [partition, asOf],
  );

it('drops what ended before a time and never makes it again, since it would be empty', async () => {
  await ensure(writer, 'profiles_event_ids', [
    '2026-11-20T10:00Z',
    '2026-11-20T11:00Z',
    '2026-11-20T12:00Z',
  ]);
  await standAt('2026-11-22T00:00Z');
  const old = [['profiles_event_ids_2026112010'], ['profiles_event_ids_2026112011']];
  expect(await drop('2026-11-20T12:30Z', true)).toEqual(old);
  expect(await drop('2026-11-20T12:30Z', false)).toEqual(old);
  expect(await drop('2026-11-20T12:30Z', false)).toEqual([]);
  await expect(ensure(writer, 'profiles_event_ids', ['2026-11-20T11:59Z'])).rejects.toMatchObject({
    code: '22008',
    message: expect.stringContaining(
      'profiles_event_ids was dropped up to 2026-11-20 12:00',
    ) as string,
  });
  expect(
    await ensure(writer, 'profiles_event_ids', ['2026-11-20T12:00Z', '2026-11-20T13:00Z']),
  ).toBe(1);
  expect(await value(writer, `SELECT count(*)::int FROM partitions_of('profiles_event_ids')`)).toBe(
    2,
  );
});

it('refuses to drop while the slowest partition of the topic may still bring a resend', async () => {
  await ensure(writer, 'profiles_event_ids', ['2026-11-20T10:00Z']);
  await expect(drop('2026-11-20T11:00Z', false)).rejects.toMatchObject({
    code: '55000',
    message: expect.stringContaining('nothing yet') as string,
  });
  await standAt('2026-11-22T00:00Z', 0);
  await standAt('2026-11-21T11:59Z', 1);
  await expect(drop('2026-11-20T11:00Z', false)).rejects.toMatchObject({ code: '55000' });
  await standAt('2026-11-21T12:00Z', 1);
  expect(await drop('2026-11-20T11:00Z', false)).toHaveLength(1);
});

it.each(['rt_user_interactions', 'user_profiles', 'movies'])(
  'refuses to drop from %s, which retention is not for',
  async (parent) => {
    await standAt('2026-11-22T00:00Z');
    await expect(drop('2020-01-01T00:00Z', false, parent)).rejects.toMatchObject({ code: '22023' });
  },
);

it('lets go exactly the tables that processors declare a retention for', async () => {
  const declared = RETAINED_TABLES.map(({ table, processor }) => [table, processor]);
  const known = await values(migrator, 'SELECT parent, processor FROM retained_tables');
  expect(known.sort()).toEqual(declared.sort());
});

it('gives up soon on a table that is in use, so that writers do not queue behind it', async () => {
  await ensure(writer, 'profiles_event_ids', ['2026-11-20T10:00Z']);
  await standAt('2026-11-22T00:00Z');
  const other = await database.session('reader');
  await other.query('BEGIN; SELECT * FROM profiles_event_ids');
  await expect(drop('2026-11-20T12:00Z', false)).rejects.toMatchObject({ code: '55P03' });
  await other.query('ROLLBACK');
  expect(await drop('2026-11-20T12:00Z', false)).toHaveLength(1);
});

it('reads only the hours of the window, and only those asked for', async () => {
  const hours = Array.from({ length: 60 }, (_, h) =>
    new Date(Date.now() - h * HOUR_MS).toISOString(),
  );
  await ensure(writer, 'rt_user_interactions', hours);
  const reader = await database.session('reader');
  const scanned = async (text: string) => {
    const plan = await values(reader, `EXPLAIN (ANALYZE, COSTS off, TIMING off) ${text}`);
    const read = plan.flat().filter((line) => !String(line).includes('never executed'));
    return new Set(read.join('\n').match(/(?<= on )rt_user_interactions_\d{10}/g)).size;
  };
  const window = await scanned('SELECT * FROM recent_interactions');
  expect(window).toBe(49);
  expect(
    await scanned(
      `SELECT * FROM recent_interactions WHERE event_id >= lowest_uuid_at(now() - interval '1 hour')`,
    ),
  ).toBe(2);
  expect(
    await scanned(
      `SELECT * FROM rt_user_interactions WHERE event_id = '${formatUuid(lowestUuidAt(Date.now()))}'`,
    ),
  ).toBe(1);
});
