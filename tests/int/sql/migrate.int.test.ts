import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrate } from '../../../sql/migrate.ts';
import { createDatabase, value, values } from '../../support/sql-database.ts';
import type { TestDatabase } from '../../support/sql-database.ts';

const sql = join(import.meta.dirname, '../../../sql');
let database: TestDatabase;
let folder: string;
beforeEach(async () => {
  database = await createDatabase({ migrated: false });
  folder = mkdtempSync(join(tmpdir(), 'marquee-sql-'));
  cpSync(join(sql, 'migrations'), join(folder, 'migrations'), { recursive: true });
  cpSync(join(sql, 'views'), join(folder, 'views'), { recursive: true });
});
afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

/** Migrates from the test's own copy of the files. */
const migrateCopy = (options: { dryRun?: boolean } = {}) =>
  migrate({
    url: database.migratorUrl,
    migrations: pathToFileURL(`${folder}/migrations/`),
    views: pathToFileURL(`${folder}/views/`),
    ...options,
  });

it('applies all files as a role without special rights, and then has nothing to do', async () => {
  const first = await migrateCopy();
  const second = await migrateCopy();
  expect(first.applied).toHaveLength(first.version);
  expect(first.views).toContain('recent_interactions');
  expect(second).toEqual({ applied: [], views: [], version: first.version });
  const migrator = await database.session('migrator');
  expect(
    await values(
      migrator,
      `SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles
        WHERE rolname = current_user`,
    ),
  ).toEqual([[false, false, false, false]]);
});

it('lets two callers take turns', async () => {
  const results = await Promise.all([migrateCopy(), migrateCopy()]);
  const [did, waited] = results.map(({ applied }) => applied.length).sort((a, b) => b - a);
  expect([did, waited]).toEqual([results[0].version, 0]);
});

it('says what is due without doing it', async () => {
  const dry = await migrateCopy({ dryRun: true });
  expect(dry.applied[0]).toBe('0001-roles-and-schemas.sql');
  expect(dry.version).toBe(0);
  const migrator = await database.session('migrator');
  expect(await value(migrator, `SELECT to_regclass('marquee.stream_offsets')`)).toBeNull();
});

it('refuses a file that was edited after it was applied, by name', async () => {
  await migrateCopy();
  const file = join(folder, 'migrations/0003-dead-letters.sql');
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n-- edited`);
  await expect(migrateCopy()).rejects.toMatchObject({
    code: 'MARQUEE_MIGRATION_CHANGED',
    message: expect.stringContaining('sql/migrations/0003-dead-letters.sql') as string,
  });
});

it('names file and line of a statement that fails, undoes that file alone, and goes on when mended', async () => {
  const { version } = await migrateCopy();
  const number = (n: number) => String(version + n).padStart(4, '0');
  const good = join(folder, `migrations/${number(1)}-good.sql`);
  const bad = join(folder, `migrations/${number(2)}-bad.sql`);
  writeFileSync(good, 'CREATE TABLE good (a int);');
  writeFileSync(bad, 'CREATE TABLE half (a int);\n\nALTER TABLE half ADD b nosuchtype;\n');
  await expect(migrateCopy()).rejects.toMatchObject({
    code: 'MARQUEE_MIGRATION_FAILED',
    retriable: false,
    message: expect.stringMatching(/sql\/migrations\/\d+-bad\.sql:3: .*nosuchtype/) as string,
  });
  const migrator = await database.session('migrator');
  const tables = `SELECT to_regclass('good') IS NOT NULL, to_regclass('half') IS NOT NULL`;
  expect(await values(migrator, tables)).toEqual([[true, false]]);
  writeFileSync(bad, 'CREATE TABLE half (a int);\n');
  expect((await migrateCopy()).applied).toEqual([`${number(2)}-bad.sql`]);
  expect(await values(migrator, tables)).toEqual([[true, true]]);
});

it('refuses a database that is ahead of the checkout', async () => {
  const { version } = await migrateCopy();
  const extra = join(folder, `migrations/${String(version + 1).padStart(4, '0')}-later.sql`);
  writeFileSync(extra, 'SELECT 1;');
  await migrateCopy();
  rmSync(extra);
  await expect(migrateCopy()).rejects.toMatchObject({ code: 'MARQUEE_MIGRATION_UNKNOWN' });
});

it('replaces a view that changed and keeps what analysts built on it', async () => {
  await migrateCopy();
  const admin = await database.session('admin');
  await admin.query(
    'CREATE SCHEMA desk; CREATE VIEW desk.mine AS SELECT day, ctr FROM marquee.ctr',
  );
  const file = join(folder, 'views/ctr.sql');
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace("IN ('play', 'progress', 'complete')", "= 'play'"),
  );
  expect((await migrateCopy()).views).toEqual(['ctr']);
  expect(await value(admin, `SELECT pg_get_viewdef('marquee.ctr'::regclass)`)).not.toContain(
    'progress',
  );
  expect(await values(admin, 'SELECT * FROM desk.mine')).toEqual([]);
});

it('makes views anew when one lost a column, with the rights on them', async () => {
  await migrateCopy();
  const file = join(folder, 'views/serves.sql');
  writeFileSync(file, readFileSync(file, 'utf8').replace('latency_ms, ', ''));
  await migrateCopy();
  const reader = await database.session('reader');
  const { fields } = await reader.query('SELECT * FROM serves');
  expect(fields.map(({ name }) => name)).not.toContain('latency_ms');
  expect(await values(reader, 'SELECT * FROM ctr')).toEqual([]);
});

it('names the view of somebody else that stands in the way of that', async () => {
  await migrateCopy();
  const admin = await database.session('admin');
  await admin.query(
    'CREATE SCHEMA desk; CREATE VIEW desk.mine AS SELECT latency_ms FROM marquee.serves',
  );
  const file = join(folder, 'views/serves.sql');
  writeFileSync(file, readFileSync(file, 'utf8').replace('latency_ms, ', ''));
  await expect(migrateCopy()).rejects.toMatchObject({
    code: 'MARQUEE_MIGRATION_FAILED',
    message: expect.stringContaining('view desk.mine depends on view serves') as string,
  });
  const reader = await database.session('reader');
  expect(await values(reader, 'SELECT latency_ms FROM serves')).toEqual([]);
});

it('goes into another schema when asked, functions included', async () => {
  await migrate({ url: database.migratorUrl, schema: 'elsewhere' });
  const writer = await database.session('writer');
  await writer.query('SET search_path = elsewhere');
  expect(
    await value(writer, `SELECT ensure_partitions('rt_user_interactions', ARRAY[now()], '1 hour')`),
  ).toBe(1);
  expect(await value(writer, `SELECT prepare_shadow('movies')::text`)).toBe(
    'elsewhere_replay.movies',
  );
  expect(await value(writer, `SELECT to_regnamespace('marquee') IS NULL`)).toBe(true);
});

it('says what an administrator has to do first', async () => {
  const bare = await createDatabase({ migrated: false, vector: false });
  try {
    await expect(migrate({ url: bare.migratorUrl })).rejects.toMatchObject({
      code: 'MARQUEE_PG_NOT_PREPARED',
      message: expect.stringMatching(/extension vector.*sql\/bootstrap\.sql/) as string,
    });
  } finally {
    await bare.close();
  }
});

it('tells a server that is away from a database that is wrong', async () => {
  const url = new URL(database.migratorUrl);
  url.port = '1';
  await expect(migrate({ url: url.href })).rejects.toMatchObject({
    code: 'MARQUEE_PG_UNAVAILABLE',
    retriable: true,
    message: expect.not.stringContaining(url.password) as string,
  });
});

it('leaves no table, column, view or function without a comment', async () => {
  await migrateCopy();
  const migrator = await database.session('migrator');
  const bare = await values(
    migrator,
    `SELECT c.relname || coalesce('.' || a.attname, '')
       FROM pg_class c
       LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relnamespace = 'marquee'::regnamespace AND c.relkind IN ('r', 'p', 'v')
        AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL)
      UNION ALL
     SELECT p.oid::regprocedure::text FROM pg_proc p
      WHERE p.pronamespace = 'marquee'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL
      UNION ALL
     SELECT n.nspname FROM pg_namespace n
      WHERE n.nspname LIKE 'marquee%' AND obj_description(n.oid, 'pg_namespace') IS NULL`,
  );
  expect(bare).toEqual([]);
});
