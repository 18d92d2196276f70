import pg from 'pg';
import { MarqueeError } from '../common/error.ts';
import { pendingMigrations, readMigrations, readViews } from './files.ts';
import type { AppliedMigration, Migration, SqlFile } from './files.ts';

const MIGRATIONS = new URL('./migrations/', import.meta.url);
const VIEWS = new URL('./views/', import.meta.url);
const ROLES = ['marquee_migrator', 'marquee_writer', 'marquee_reader'];

export interface MigrateOptions {
  /** Connection string of marquee_migrator, who comes to own all that is made. */
  readonly url: string;
  /** The schema that everything goes into; a replay uses `<schema>_replay` beside it. */
  readonly schema?: string;
  /** Says what would be done, and does nothing. */
  readonly dryRun?: boolean;
  readonly log?: (line: string) => void;
  readonly migrations?: URL;
  readonly views?: URL;
}

export interface MigrateResult {
  /** Files applied (with `dryRun`: due), in order. */
  readonly applied: readonly string[];
  /** Views made or made anew. */
  readonly views: readonly string[];
  /** Number of the last migration that the database has. */
  readonly version: number;
}

/**
 * Brings a database up to date: the migrations that it lacks, a transaction each, then the views.
 * Two callers take turns. Nothing needs a superuser (sql/bootstrap.sql is what an administrator
 * does before). Throws MarqueeError: MARQUEE_PG_UNAVAILABLE (retriable), MARQUEE_PG_NOT_PREPARED,
 * MARQUEE_MIGRATION_{INVALID,CHANGED,UNKNOWN,FAILED}.
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const schema = options.schema ?? 'marquee';
  const log = options.log ?? (() => undefined);
  const files = await readMigrations(options.migrations ?? MIGRATIONS);
  const viewFiles = await readViews(options.views ?? VIEWS);
  const client = await connect(options.url);
  try {
    await assertBootstrapped(client);
    await takeLock(client, schema, log);
    await enterSchema(client, schema);
    const applied = await readApplied(client);
    const pending = pendingMigrations(files, applied);
    if (options.dryRun !== true) {
      for (const file of pending) await applyMigration(client, file, log);
    }
    const views = await dueViews(client, viewFiles);
    if (options.dryRun !== true && views.length > 0) await applyViews(client, viewFiles, views);
    return {
      applied: pending.map((file) => file.name),
      views: views.map((view) => view.name),
      version: options.dryRun === true ? applied.length : files.length,
    };
  } finally {
    await client.end();
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'marquee migrate',
    connectionTimeoutMillis: 10_000,
  });
  try {
    await client.connect();
  } catch (cause) {
    const { hostname, port, pathname } = new URL(url);
    throw new MarqueeError(
      'MARQUEE_PG_UNAVAILABLE',
      `cannot connect to Postgres at ${hostname}:${port}${pathname}: ${text(cause)}`,
      { cause, retriable: true },
    );
  }
  return client;
}

async function assertBootstrapped(client: pg.Client): Promise<void> {
  const { rows: roles } = await client.query<{ name: string }>(
    'SELECT name FROM unnest($1::text[]) AS name WHERE to_regrole(name) IS NULL',
    [ROLES],
  );
  const { rows: vector } = await client.query(`SELECT FROM pg_extension WHERE extname = 'vector'`);
  const missing = roles.map((role) => `role ${role.name}`);
  if (vector.length === 0) missing.push('extension vector');
  if (missing.length > 0) {
    throw new MarqueeError(
      'MARQUEE_PG_NOT_PREPARED',
      `the database lacks ${missing.join(', ')}: an administrator runs sql/bootstrap.sql once`,
    );
  }
}

/** The connection's end gives the lock back. */
async function takeLock(client: pg.Client, schema: string, log: (line: string) => void) {
  const lock = [`marquee.migrate.${schema}`];
  const tried = await client.query<{ ok: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS ok',
    lock,
  );
  if (tried.rows[0]?.ok === true) return;
  log('another migration is running; waiting for it');
  await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', lock);
}

/** Goes into the schema, made with the runner's own tables where they are missing. */
async function enterSchema(client: pg.Client, schema: string) {
  const name = client.escapeIdentifier(schema);
  const existing = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (existing.rows.length === 0) await client.query(`CREATE SCHEMA ${name}`);
  // Functions are pinned to this path, so nothing that others may write to is on it.
  await client.query(`SET search_path = ${name}, pg_temp`);
  await client.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
      version int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now());
    COMMENT ON TABLE schema_migrations IS
      'Migrations that were applied, with the checksum of each file.';
    COMMENT ON COLUMN schema_migrations.version IS 'Number of the file.';
    COMMENT ON COLUMN schema_migrations.name IS 'Name of the file.';
    COMMENT ON COLUMN schema_migrations.checksum IS 'sha256 of the file.';
    COMMENT ON COLUMN schema_migrations.applied_at IS 'When it was applied.';
    CREATE TABLE IF NOT EXISTS schema_views (name text PRIMARY KEY, checksum text NOT NULL);
    COMMENT ON TABLE schema_views IS 'Views as they were last made from sql/views.';
    COMMENT ON COLUMN schema_views.name IS 'Name of the view.';
    COMMENT ON COLUMN schema_views.checksum IS 'sha256 of its file.'`);
}

async function readApplied(client: pg.Client): Promise<AppliedMigration[]> {
  const { rows } = await client.query<AppliedMigration>(
    'SELECT version, name, checksum FROM schema_migrations ORDER BY version',
  );
  return rows;
}

async function applyMigration(client: pg.Client, file: Migration, log: (line: string) => void) {
  const onNotice = (notice: { severity?: string | undefined; message?: string | undefined }) => {
    if (notice.severity === 'WARNING') log(`${file.name}: ${notice.message ?? ''}`);
  };
  client.on('notice', onNotice);
  try {
    await client.query('BEGIN');
    await execute(client, file, `sql/migrations/${file.name}`);
    await client.query(
      'INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)',
      [file.version, file.name, file.checksum],
    );
    await client.query('COMMIT');
    log(`applied ${file.name}`);
  } finally {
    client.off('notice', onNotice);
  }
}

async function dueViews(client: pg.Client, files: readonly SqlFile[]): Promise<SqlFile[]> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    `SELECT v.name, v.checksum FROM schema_views v
       JOIN pg_views p ON p.viewname = v.name AND p.schemaname = current_schema()`,
  );
  const made = new Map(rows.map((row) => [row.name, row.checksum]));
  return files.filter((file) => made.get(file.name) !== file.checksum);
}

/**
 * Replaces the views that changed, keeping what others built on them. A view whose columns changed
 * can't be replaced: then all of ours are dropped and made again, which Postgres refuses (naming
 * it) where somebody else's view depends on one.
 */
async function applyViews(client: pg.Client, all: readonly SqlFile[], due: readonly SqlFile[]) {
  const make = async (files: readonly SqlFile[]) => {
    for (const file of files) {
      await execute(client, file, `sql/views/${file.name.replaceAll('_', '-')}.sql`);
      await client.query(
        `INSERT INTO schema_views VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum`,
        [file.name, file.checksum],
      );
    }
  };
  await client.query('BEGIN; SAVEPOINT before_views');
  try {
    await make(due);
  } catch (error) {
    const cause = error instanceof MarqueeError ? error.cause : undefined;
    if (!(cause instanceof pg.DatabaseError) || cause.code !== '42P16') throw error;
    await client.query('ROLLBACK TO before_views');
    const names = all.map((file) => client.escapeIdentifier(file.name)).join(', ');
    await execute(client, { sql: `DROP VIEW IF EXISTS ${names}` }, 'sql/views');
    await make(all);
  }
  await client.query('COMMIT');
}

async function execute(client: pg.Client, file: { readonly sql: string }, path: string) {
  try {
    await client.query(file.sql);
  } catch (cause) {
    const position = cause instanceof pg.DatabaseError ? Number(cause.position) : Number.NaN;
    const line = position > 0 ? `:${file.sql.slice(0, position).split('\n').length}` : '';
    const detail = cause instanceof pg.DatabaseError && cause.detail ? ` (${cause.detail})` : '';
    throw new MarqueeError(
      'MARQUEE_MIGRATION_FAILED',
      `${path}${line}: ${text(cause)}${detail}; nothing of this file was applied`,
      { cause },
    );
  }
}

function text(cause: unknown): string {
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
