import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, values } from '../../support/sql-database.ts';
import type { TestDatabase } from '../../support/sql-database.ts';
import { fill } from './fixture.ts';
import type { Fixture } from './fixture.ts';

let database: TestDatabase;
let reader: pg.Client;
let fixture: Fixture;
beforeAll(async () => {
  database = await createDatabase();
  fixture = await fill(await database.session('writer'));
  reader = await database.session('reader');
});
afterAll(() => database.close());

it('shows exactly the window in recent_interactions', async () => {
  const all = await values(reader, 'SELECT kafka_offset::int FROM rt_user_interactions ORDER BY 1');
  expect(all).toHaveLength(12);
  const shown = await values(
    reader,
    `SELECT kafka_offset::int FROM recent_interactions JOIN rt_user_interactions USING (event_id) ORDER BY 1`,
  );
  expect(shown.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

it('cuts the window to the millisecond', async () => {
  const edge = `ARRAY[now() - interval '48 hours', now() - interval '48 hours 1 millisecond']`;
  const session = await database.session('migrator');
  await session.query('BEGIN');
  await session.query(`SELECT ensure_partitions('rt_user_interactions', ${edge}, '1 hour')`);
  await session.query(
    `INSERT INTO rt_user_interactions (event_id, occurred_at, received_at, kafka_offset,
       kafka_partition, user_id, action, app, properties)
     SELECT lowest_uuid_at(t), t, t, 0, 0, 'edge', 'view', 'web', '{}' FROM unnest(${edge}) AS t`,
  );
  const shown = `SELECT now() - occurred_at = interval '48 hours' FROM recent_interactions
    WHERE user_id = 'edge'`;
  expect(await values(session, shown)).toEqual([[true]]);
  await session.query('ROLLBACK');
});

it('says up to when each view is true: the slowest partition, and nothing while one is unknown', async () => {
  const ago = (seconds: number) => [[new Date(fixture.now - seconds * 1000)]];
  for (const [view, expected] of [
    ['recent_interactions', ago(60)],
    ['profiles', ago(5)],
    ['user_recent_items', ago(5)],
    ['serves', ago(20)],
    ['feedback', ago(10)],
    ['ctr', ago(20)],
    [`processing_status WHERE processor = 'interactions'`, ago(60)],
    [`processing_status WHERE processor = 'movies'`, [[null]]],
    [`dead_letter_summary WHERE processor = 'profiles'`, ago(5)],
  ] as const) {
    expect(await values(reader, `SELECT DISTINCT as_of FROM ${view}`), view).toEqual(expected);
  }
});

it('counts a movie once in a serve, and only answers to what was served', async () => {
  const rows = await values(
    reader,
    `SELECT day::text, source, algorithm, serves::int, items_served::int, items_shown::int,
            items_clicked::int, items_played::int, serves_clicked::int, ctr::float8,
            ctr_of_shown::float8, serve_ctr::float8 FROM ctr ORDER BY day`,
  );
  const [older, newer] = fixture.days.map((ms) => new Date(ms).toISOString().slice(0, 10));
  expect(rows).toEqual([
    [older, 'cache', 'als', 2, 5, 3, 1, 1, 1, 0.2, 0.333333, 0.5],
    [newer, 'popular', 'popularity', 1, 1, 0, 1, 0, 1, 1, null, 1],
  ]);
});

it('gives the time from the serve to its answer', async () => {
  expect(
    await values(
      reader,
      `SELECT action, extract(epoch FROM after_serve)::float8 FROM feedback WHERE movie_id IN (5, 9) ORDER BY 2`,
    ),
  ).toEqual([
    ['click', 9.001],
    ['click', 7200],
  ]);
});

it('lists the last twenty items of a user, latest first', async () => {
  const rows = await values(
    reader,
    `SELECT rank::int, movie_id::int, title FROM user_recent_items WHERE user_id = '1' ORDER BY rank`,
  );
  expect(rows.map(([rank]) => rank)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(rows.slice(0, 2)).toEqual([
    [1, 1, 'Alpha'],
    [2, 2, 'Beta'],
  ]);
});

it('sums dead letters by reason and app with the latest detail', async () => {
  expect(
    await values(
      reader,
      `SELECT reason, app, records::int, redriven::int, unpublished::int, latest_detail
         FROM dead_letter_summary WHERE processor = 'interactions' ORDER BY reason`,
    ),
  ).toEqual([
    ['not_avro', null, 1, 0, 0, 'first byte 123'],
    ['unknown_action', 'web', 2, 1, 1, 'action: sing'],
  ]);
});

it('shows a break of the ledger wherever ranges fail to join', async () => {
  const breaks = `SELECT partition, from_offset::int, to_offset::int, next_from::int
    FROM ledger_breaks WHERE processor = 'interactions' ORDER BY 1, 2`;
  const migrator = await database.session('migrator');
  await migrator.query('BEGIN');
  expect(await values(migrator, breaks)).toEqual([]);
  await migrator.query(`UPDATE stream_ledger SET to_offset = 50 WHERE to_offset = 60;
    UPDATE stream_offsets SET next_offset = 120 WHERE processor = 'interactions' AND partition = 1`);
  expect(await values(migrator, breaks)).toEqual([
    [0, 0, 50, 60],
    [1, 0, 100, 120],
  ]);
  await migrator.query(`UPDATE stream_ledger SET to_offset = 70 WHERE to_offset = 50;
    DELETE FROM stream_offsets WHERE processor = 'interactions' AND partition = 1`);
  expect(await values(migrator, breaks)).toEqual([
    [0, 0, 70, 60],
    [1, 0, 100, null],
  ]);
  await migrator.query('ROLLBACK');
});
