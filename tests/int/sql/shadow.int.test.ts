import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDatabase, value, values } from '../../support/sql-database.ts';
import type { TestDatabase } from '../../support/sql-database.ts';

let database: TestDatabase;
let writer: pg.Client;
let reader: pg.Client;
beforeEach(async () => {
  database = await createDatabase();
  writer = await database.session('writer');
  reader = await database.session('reader');
});
afterEach(() => database.close());

const hours = `ARRAY[now(), now() - interval '1 hour']`;

/** A session whose statements hit the copies, as a replay's do. */
async function replaySession(): Promise<pg.Client> {
  const session = await database.session('writer');
  await session.query('SET search_path = marquee_replay, marquee');
  return session;
}

const interactionBy = (session: pg.Client, user: string, at = 'now()') =>
  session.query(
    `INSERT INTO rt_user_interactions (event_id, occurred_at, received_at, kafka_offset,
       kafka_partition, user_id, action, app, properties)
     VALUES (lowest_uuid_at(${at}), ${at}, now(), 0, 0, $1, 'view', 'test', '{}')`,
    [user],
  );

const usersOf = async (session: pg.Client, from: string) =>
  (await values(session, `SELECT user_id FROM ${from} ORDER BY 1`)).flat();

async function liveAndCopy(): Promise<pg.Client> {
  await writer.query(`SELECT ensure_partitions('rt_user_interactions', ${hours}, '1 hour')`);
  await interactionBy(writer, 'live');
  await writer.query(`SELECT prepare_shadow('rt_user_interactions')`);
  const replay = await replaySession();
  await replay.query(`SELECT ensure_partitions('rt_user_interactions', ${hours}, '1 hour')`);
  await interactionBy(replay, 'copy');
  await interactionBy(replay, 'copy of the hour before', `now() - interval '1 hour'`);
  return replay;
}

describe('a copy', () => {
  it.each(['user_history', 'recommendation_feedback', 'profile_outbox', 'dead_letters'])(
    'of %s is like it in columns, indexes, settings, checks, comments and rights',
    async (table) => {
      await writer.query('SELECT prepare_shadow($1)', [table]);
      const described = (schema: string) =>
        values(
          reader,
          `SELECT c.relkind, c.reloptions, obj_description(c.oid), pg_get_partkeydef(c.oid),
                  (SELECT string_agg(x, ' ' ORDER BY x) FROM (SELECT concat_ws('.', a.grantee::regrole, a.privilege_type) FROM aclexplode(c.relacl) a) AS s (x)),
                  (SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attgenerated, attidentity, attacl, col_description(c.oid, attnum)), ', ' ORDER BY attnum)
                     FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0),
                  (SELECT string_agg(replace(pg_get_indexdef(indexrelid), n.nspname || '.', ''), ', ' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid = c.oid),
                  (SELECT string_agg(conname || ' ' || pg_get_constraintdef(oid), ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid)
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = $1 AND c.relname = $2`,
          [schema, table],
        );
      const live = await described('marquee');
      expect(live).toHaveLength(1);
      expect(await described('marquee_replay')).toEqual(live);
    },
  );

  it('is empty when made again, and gone when dropped', async () => {
    await liveAndCopy();
    await writer.query(`SELECT prepare_shadow('rt_user_interactions')`);
    expect(await usersOf(reader, 'marquee_replay.rt_user_interactions')).toEqual([]);
    await writer.query(
      `SELECT drop_shadow('rt_user_interactions'), drop_shadow('rt_user_interactions')`,
    );
    expect(
      await value(reader, `SELECT to_regclass('marquee_replay.rt_user_interactions')`),
    ).toBeNull();
    expect(await usersOf(reader, 'rt_user_interactions')).toEqual(['live']);
  });

  it('keeps what was dropped from the live table: a replay may go further back', async () => {
    const admin = await database.session('admin');
    await admin.query(`INSERT INTO marquee.partition_floors VALUES ('profiles_event_ids', now())`);
    await writer.query(`SELECT prepare_shadow('profiles_event_ids')`);
    const ask = `SELECT ensure_partitions('profiles_event_ids', ARRAY[now() - interval '2 hours'], '1 hour')`;
    expect(await value(await replaySession(), ask)).toBe(1);
    await expect(writer.query(ask)).rejects.toMatchObject({ code: '22008' });
  });

  it.each(['schema_views.x', 'nothing', 'rt_user_interactions_2026010100'])(
    'of %s is refused',
    async (name) => {
      await expect(writer.query('SELECT prepare_shadow($1)', [name])).rejects.toMatchObject({
        code: '42P01',
      });
    },
  );
});

describe('a swap', () => {
  it('puts the copy behind table, views, views of others and open statements', async () => {
    await liveAndCopy();
    const admin = await database.session('admin');
    await admin.query(`CREATE SCHEMA desk;
      CREATE VIEW desk.mine AS SELECT user_id FROM marquee.recent_interactions;
      GRANT USAGE ON SCHEMA desk TO marquee_reader; GRANT SELECT ON desk.mine TO marquee_reader;
      GRANT SELECT ON marquee.recent_interactions TO marquee_writer`);
    const prepared = { name: 'users', text: 'SELECT user_id FROM rt_user_interactions ORDER BY 1' };
    expect((await writer.query(prepared)).rows).toEqual([{ user_id: 'live' }]);

    await writer.query(`SELECT swap_shadow(ARRAY['rt_user_interactions'])`);

    const copied = ['copy', 'copy of the hour before'];
    expect(await usersOf(reader, 'rt_user_interactions')).toEqual(copied);
    expect(await usersOf(reader, 'recent_interactions')).toEqual(copied);
    expect(await usersOf(reader, 'desk.mine')).toEqual(copied);
    expect(await usersOf(writer, 'recent_interactions')).toEqual(copied);
    expect((await writer.query(prepared)).rows).toHaveLength(2);
    expect(await usersOf(reader, 'marquee_replay.rt_user_interactions')).toEqual(['live']);
    expect(
      await value(reader, `SELECT obj_description('recent_interactions'::regclass)`),
    ).toContain('The window');

    await interactionBy(writer, 'later', `now() + interval '1 millisecond'`);
    expect(await usersOf(reader, 'recent_interactions')).toEqual([...copied, 'later']);
    expect(
      await values(
        reader,
        `SELECT c.relname, n.nspname FROM pg_inherits i
           JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind = 'r' JOIN pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_class p ON p.oid = i.inhparent WHERE n.oid <> p.relnamespace
          UNION ALL SELECT relname, 'marquee_transit' FROM pg_class
           WHERE relnamespace = 'marquee_transit'::regnamespace`,
      ),
    ).toEqual([]);
  });

  it('done twice restores what was, with the names of indexes and partitions', async () => {
    await liveAndCopy();
    const names = () =>
      values(
        reader,
        `SELECT relnamespace::regnamespace::text, relname, relkind FROM pg_class
          WHERE relnamespace IN ('marquee'::regnamespace, 'marquee_replay'::regnamespace) ORDER BY 1, 2`,
      );
    const before = await names();
    await writer.query(`SELECT swap_shadow(ARRAY['rt_user_interactions'])`);
    expect(await names()).toEqual(before);
    await writer.query(`SELECT swap_shadow(ARRAY['rt_user_interactions'])`);
    expect(await names()).toEqual(before);
    expect(await usersOf(reader, 'recent_interactions')).toEqual(['live']);
  });

  it('of several tables happens for all or none', async () => {
    for (const table of ['user_profiles', 'user_history', 'profiles_event_ids']) {
      await writer.query('SELECT prepare_shadow($1)', [table]);
    }
    const replay = await replaySession();
    await replay.query(`INSERT INTO user_profiles (user_id, first_event_id, last_event_id)
      VALUES ('copy', lowest_uuid_at(now()), lowest_uuid_at(now()))`);
    await replay.query(`INSERT INTO user_history (user_id, movie_id, last_event_id)
      VALUES ('copy', 1, lowest_uuid_at(now()))`);
    const swap = `SELECT swap_shadow(ARRAY['user_profiles', 'user_history', 'profiles_event_ids'])`;
    await writer.query('BEGIN');
    await writer.query(swap);
    await writer.query('ROLLBACK');
    expect(await usersOf(reader, 'profiles')).toEqual([]);
    await writer.query(swap);
    expect(await usersOf(reader, 'profiles')).toEqual(['copy']);
    expect(await usersOf(reader, 'user_recent_items')).toEqual(['copy']);
    await expect(
      writer.query(`SELECT swap_shadow(ARRAY['user_profiles', 'movies'])`),
    ).rejects.toMatchObject({ code: '42P01' });
    expect(await usersOf(reader, 'profiles')).toEqual(['copy']);
  });

  it('waits for the batch under way, and gives up when it takes long', async () => {
    await liveAndCopy();
    const other = await database.session('writer');
    await other.query('BEGIN');
    await interactionBy(other, 'in the middle', `now() + interval '5 milliseconds'`);
    await expect(
      writer.query(`SELECT swap_shadow(ARRAY['rt_user_interactions'])`),
    ).rejects.toMatchObject({ code: '55P03' });
    await other.query('COMMIT');
    expect(await usersOf(reader, 'rt_user_interactions')).toEqual(['in the middle', 'live']);
  });

  it('names a view of somebody else that it cannot bind anew', async () => {
    await liveAndCopy();
    const admin = await database.session('admin');
    await admin.query(`CREATE SCHEMA desk;
      CREATE VIEW desk.direct AS SELECT user_id FROM marquee.rt_user_interactions`);
    const swap = () => writer.query(`SELECT swap_shadow(ARRAY['rt_user_interactions'])`);
    const refusal = { code: '2BP01', message: expect.stringContaining('desk.direct') as string };
    await expect(swap()).rejects.toMatchObject(refusal);
    await admin.query(`DROP VIEW desk.direct;
      CREATE MATERIALIZED VIEW desk.direct AS SELECT user_id FROM marquee.rt_user_interactions`);
    await expect(swap()).rejects.toMatchObject(refusal);
    expect(await usersOf(reader, 'recent_interactions')).toEqual(['live']);
  });

  it('refuses a copy from before a migration', async () => {
    await liveAndCopy();
    const migrator = await database.session('migrator');
    await migrator.query('ALTER TABLE rt_user_interactions ADD country text');
    await expect(
      writer.query(`SELECT swap_shadow(ARRAY['rt_user_interactions'])`),
    ).rejects.toMatchObject({
      code: '55000',
      detail: expect.stringContaining('country') as string,
    });
  });
});

describe('the end of a replay', () => {
  const tables = ['recommendation_logs'];
  const finish = () => writer.query(`SELECT finish_replay('serve-logs', $1)`, [tables]);

  const stand = (
    session: pg.Client,
    next: number,
    ledger: [number, number, number][],
    identity = '00',
  ) =>
    session.query(
      `WITH position AS (
         INSERT INTO stream_offsets (processor, topic, partition, next_offset, last_offset, last_identity, ledger_from)
         VALUES ('serve-logs', 't', 0, $1::bigint, $1::bigint - 1, decode(repeat($2, 16), 'hex'), ($3::jsonb -> -1 ->> 0)::bigint))
       INSERT INTO stream_ledger (processor, topic, partition, from_offset, to_offset, hour, ok_count)
       SELECT 'serve-logs', 't', 0, (r ->> 0)::bigint, (r ->> 1)::bigint, now(), (r ->> 2)::bigint
         FROM jsonb_array_elements($3::jsonb) AS r`,
      [next, identity, JSON.stringify(ledger)],
    );

  const dead = (session: pg.Client, offset: number, reason: string, publishedAt: string | null) =>
    session.query(
      `INSERT INTO dead_letters (processor, topic, partition, kafka_offset, reason, detail, received_at,
         first_received_at, published_at) VALUES ('serve-logs', 't', 0, $1, $2, '', now(), now(), $3)`,
      [offset, reason, publishedAt],
    );

  let replay: pg.Client;
  beforeEach(async () => {
    for (const table of [...tables, 'stream_offsets', 'stream_ledger', 'dead_letters']) {
      await writer.query('SELECT prepare_shadow($1)', [table]);
    }
    replay = await replaySession();
  });

  const logs = (session: pg.Client, user: string) =>
    session
      .query(`SELECT ensure_partitions('recommendation_logs', ARRAY[now()], '1 day')`)
      .then(() =>
        session.query(
          `INSERT INTO recommendation_logs VALUES (lowest_uuid_at(now()), now(), now(), null, 0, 0, $1, 'cache', 'als', null, null, 'test', '{}', '{}', '{}')`,
          [user],
        ),
      );

  it('takes over tables, ledger and dead letters of the range, and leaves other rows alone', async () => {
    await stand(writer, 100, [
      [0, 40, 40],
      [40, 90, 49],
      [90, 100, 10],
    ]);
    await dead(writer, 5, 'not_avro', '2026-01-01Z');
    await dead(writer, 50, 'not_avro', '2026-01-01Z');
    await dead(writer, 60, 'unknown_action', '2026-01-01Z');
    await writer.query(`INSERT INTO stream_ledger (processor, topic, partition, from_offset, to_offset, hour)
      VALUES ('other', 't', 0, 0, 100, now()); INSERT INTO stream_offsets (processor, topic, partition, next_offset) VALUES ('other', 't', 0, 100)`);
    await logs(writer, 'live');
    await stand(replay, 100, [
      [40, 70, 29],
      [70, 100, 30],
    ]);
    await dead(replay, 50, 'undecodable', null);
    await dead(replay, 55, 'null_value', null);
    await logs(replay, 'copy');

    await finish();

    expect(
      await values(
        reader,
        `SELECT processor, from_offset::int, to_offset::int, ok_count::int FROM stream_ledger ORDER BY 1, 2`,
      ),
    ).toEqual([
      ['other', 0, 100, 0],
      ['serve-logs', 0, 40, 40],
      ['serve-logs', 40, 70, 29],
      ['serve-logs', 70, 100, 30],
    ]);
    expect(
      await values(
        reader,
        `SELECT kafka_offset::int, reason, published_at IS NOT NULL FROM dead_letters ORDER BY 1`,
      ),
    ).toEqual([
      [5, 'not_avro', true],
      [50, 'undecodable', true],
      [55, 'null_value', false],
    ]);
    expect(
      await values(
        reader,
        `SELECT next_offset::int, ledger_from::int FROM stream_offsets WHERE processor = 'serve-logs'`,
      ),
    ).toEqual([[100, 70]]);
    expect(await values(reader, 'SELECT * FROM ledger_breaks')).toEqual([]);
    expect(await usersOf(reader, 'serves')).toEqual(['copy']);
  });

  it.each<[string, number, string, [number, number, number][], string]>([
    ['stands behind', 90, '00', [[0, 90, 90]], 't/0: live 100, copy 90'],
    ['read another log', 100, '11', [[0, 100, 100]], 't/0: live 100, copy 100, of another log'],
    [
      'starts inside a range of the ledger',
      100,
      '00',
      [[30, 100, 70]],
      "starts at offset 30, inside the ledger's range t/0 [0, 40)",
    ],
  ])('is refused to a copy that %s', async (_, next, identity, ledger, reason) => {
    await stand(writer, 100, [
      [0, 40, 40],
      [40, 100, 60],
    ]);
    await logs(writer, 'live');
    await stand(replay, next, ledger, identity);
    await expect(finish()).rejects.toMatchObject({
      code: '55000',
      message: expect.stringContaining(reason) as string,
    });
    expect(await usersOf(reader, 'serves')).toEqual(['live']);
  });

  it('is refused when a partition was not replayed', async () => {
    await stand(writer, 100, [[0, 100, 100]]);
    await expect(finish()).rejects.toMatchObject({
      message: expect.stringContaining('t/0: live 100, copy none') as string,
    });
  });
});
