import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROCESSORS } from '../../../streams/index.ts';
import { sharedStack } from '../../support/shared-stack.ts';
import { createDatabase, value, values } from '../../support/sql-database.ts';
import type { TestDatabase } from '../../support/sql-database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.close());

/** Everything that a role may do to the tables of the schema, a line each. */
async function rightsOf(role: string): Promise<Record<string, string>> {
  const migrator = await database.session('migrator');
  const rows = await values(
    migrator,
    `SELECT c.relname, string_agg(p, ' ' ORDER BY p)
       FROM pg_class c,
            unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) AS p
      WHERE c.relnamespace = 'marquee'::regnamespace AND c.relkind IN ('r', 'p')
        AND has_table_privilege($1, c.oid, p)
      GROUP BY c.relname`,
    [role],
  );
  return Object.fromEntries(rows) as Record<string, string>;
}

/** What the writer may do to each table. */
const WRITER_RIGHTS: Readonly<Record<string, string>> = {
  active_model: 'SELECT',
  api_keys: 'INSERT SELECT',
  applied_backfills: 'DELETE INSERT SELECT',
  archive_backfills: 'DELETE INSERT SELECT UPDATE',
  archive_expired: 'INSERT SELECT UPDATE',
  archive_files: 'DELETE INSERT SELECT UPDATE',
  archive_merges: 'DELETE INSERT SELECT',
  archive_plans: 'INSERT SELECT',
  archive_ranges: 'DELETE INSERT SELECT UPDATE',
  archive_runs: 'INSERT SELECT UPDATE',
  batch_recommendations: 'SELECT',
  dead_letters: 'INSERT SELECT UPDATE',
  dropped_accounts: 'INSERT SELECT',
  model_performance_logs: 'INSERT SELECT UPDATE',
  model_promotions: 'SELECT',
  model_versions: 'SELECT',
  movie_embeddings: 'SELECT',
  movie_neighbours: 'SELECT',
  movie_next: 'SELECT',
  movie_popularity: 'SELECT',
  movies: 'INSERT SELECT UPDATE',
  offset_resets: 'SELECT',
  partition_floors: 'SELECT',
  profile_outbox: 'DELETE INSERT SELECT',
  profiles_event_ids: 'INSERT SELECT',
  recommendation_feedback: 'INSERT SELECT',
  recommendation_logs: 'INSERT SELECT',
  retired_dead_letters: 'SELECT',
  retired_ledger: 'SELECT',
  rt_user_interactions: 'INSERT SELECT',
  schema_migrations: 'SELECT',
  stream_ledger: 'INSERT SELECT UPDATE',
  stream_offsets: 'INSERT SELECT UPDATE',
  user_factors: 'SELECT',
  user_history: 'INSERT SELECT UPDATE',
  user_profiles: 'INSERT SELECT UPDATE',
};

it('gives the writer what it needs and no more', async () => {
  const rights = Object.entries(await rightsOf('marquee_writer'));
  const named = rights.filter(([table]) => table in WRITER_RIGHTS);
  expect(Object.fromEntries(named)).toEqual(WRITER_RIGHTS);
  // Of a processor that came later: what its kind of table needs.
  const processors = Object.values(PROCESSORS);
  const results = processors.flatMap(({ tables }) => tables);
  const outboxes = processors.flatMap(({ sideTables }) => sideTables ?? []);
  for (const [table, allowed] of rights.filter((right) => !named.includes(right))) {
    const needed = results.includes(table)
      ? ['INSERT SELECT', 'INSERT SELECT UPDATE']
      : outboxes.includes(table)
        ? ['DELETE INSERT SELECT']
        : [];
    expect(needed, `${table}: ${allowed}`).toContain(allowed);
  }
});

it('lets the reader read every table and view, and nothing else', async () => {
  const rights = await rightsOf('marquee_reader');
  expect(new Set(Object.values(rights))).toEqual(new Set(['SELECT']));
  const reader = await database.session('reader');
  const relations = await values(
    reader,
    `SELECT c.relname FROM pg_class c
      WHERE c.relnamespace = 'marquee'::regnamespace AND c.relkind IN ('r', 'p', 'v')`,
  );
  expect(relations.length).toBeGreaterThan(20);
  for (const [name] of relations) await reader.query(`SELECT * FROM ${String(name)} LIMIT 1`);
});

it('lets the reader read partitions that are made later', async () => {
  const writer = await database.session('writer');
  await writer.query(
    `SELECT ensure_partitions('rt_user_interactions', ARRAY['2026-01-02 03:04Z'::timestamptz], '1 hour')`,
  );
  const reader = await database.session('reader');
  expect(await values(reader, 'SELECT * FROM rt_user_interactions_2026010203')).toEqual([]);
});

it.each(['writer', 'reader'] as const)(
  'refuses the %s tables of its own and changes of ours',
  async (role) => {
    const session = await database.session(role);
    await session.query('SET default_transaction_read_only = off');
    for (const statement of [
      'CREATE TABLE mine (a int)',
      'CREATE TABLE public.mine (a int)',
      'CREATE TABLE marquee_replay.mine (a int)',
      'CREATE TABLE marquee_transit.mine (a int)',
      'CREATE SCHEMA mine',
      'ALTER TABLE movies ADD mine int',
      'DROP TABLE movies',
      'TRUNCATE rt_user_interactions',
      'DELETE FROM rt_user_interactions',
      'UPDATE rt_user_interactions SET value = 1',
      'DELETE FROM stream_ledger',
      'UPDATE partition_floors SET floor = now()',
      "INSERT INTO schema_migrations VALUES (999, 'x', 'x')",
      "SELECT inherit_comments('ctr', 'movies')",
    ]) {
      await expect(session.query(statement), statement).rejects.toMatchObject({
        code: expect.stringMatching(/42501|42809/) as string,
      });
    }
  },
);

it('refuses the reader the functions that change something', async () => {
  const reader = await database.session('reader');
  await reader.query('SET default_transaction_read_only = off');
  for (const call of [
    `ensure_partitions('rt_user_interactions', ARRAY[now()], '1 hour')`,
    `drop_partitions_before('recommendation_logs', now(), true)`,
    `prepare_shadow('movies')`,
    `drop_shadow('movies')`,
    `swap_shadow(ARRAY['movies'])`,
    `finish_replay('movies', ARRAY['movies'])`,
  ]) {
    await expect(reader.query(`SELECT ${call}`), call).rejects.toMatchObject({ code: '42501' });
  }
});

it('runs no function of a session under the rights of the owner', async () => {
  const writer = await database.session('writer');
  await writer.query(`CREATE FUNCTION pg_temp.lowest_uuid_at(timestamptz) RETURNS uuid
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'as %', current_user; END $$;
    CREATE TEMP TABLE partition_floors (parent text, floor timestamptz);
    INSERT INTO partition_floors VALUES ('rt_user_interactions', 'infinity');
    SET search_path = pg_temp, marquee`);
  expect(
    await value(
      writer,
      `SELECT ensure_partitions('rt_user_interactions', ARRAY['2026-01-03Z'::timestamptz], '1 hour')`,
    ),
  ).toBe(1);
});

it('finds the tables, and bounds what an analyst can hold up, by settings of the database', async () => {
  const { config } = sharedStack();
  const settings = async (connectionString: string) => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    const shown = await values(
      client,
      `SELECT current_setting('search_path'), current_setting('statement_timeout'),
              current_setting('idle_in_transaction_session_timeout'),
              current_setting('default_transaction_read_only')`,
    );
    await client.end();
    return shown[0];
  };
  expect(await settings(config.postgres.readerUrl)).toEqual([
    'marquee, public',
    '5min',
    '5min',
    'on',
  ]);
  expect(await settings(config.postgres.writerUrl)).toEqual(['marquee, public', '0', '0', 'off']);
  expect(await settings(config.postgres.migratorUrl)).toEqual(['marquee, public', '0', '0', 'off']);
});
