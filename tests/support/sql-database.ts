import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { migrate } from '../../sql/migrate.ts';
import { sharedStack } from './shared-stack.ts';

export interface TestDatabase {
  readonly name: string;
  readonly migratorUrl: string;
  readonly writerUrl: string;
  /** Sessions by role; ended by `close`. */
  session(role: 'admin' | 'migrator' | 'writer' | 'reader'): Promise<pg.Client>;
  /** The database itself goes with the stack: a DROP would cost a checkpoint each time. */
  close(): Promise<void>;
}

let template: Promise<string> | undefined;

/**
 * A database of its own on the shared server, as sql/bootstrap.sql leaves one; `migrated` unless
 * told otherwise.
 */
export async function createDatabase(
  options: { migrated?: boolean; vector?: boolean } = {},
): Promise<TestDatabase> {
  const { config, adminUrl } = sharedStack();
  const migrated = options.migrated ?? true;
  const name = await copyOf(migrated ? await (template ??= createTemplate()) : 'template0');
  const urls = {
    admin: at(adminUrl, name),
    migrator: at(config.postgres.migratorUrl, name),
    writer: at(config.postgres.writerUrl, name),
    reader: at(config.postgres.readerUrl, name),
  };
  if (!migrated && options.vector !== false) await once(urls.admin, 'CREATE EXTENSION vector');

  const sessions: pg.Client[] = [];
  return {
    name,
    migratorUrl: urls.migrator,
    writerUrl: urls.writer,
    async session(role) {
      const client = new pg.Client({
        connectionString: urls[role],
        application_name: 'sql test',
        options: '-c search_path=marquee,public',
      });
      await client.connect();
      sessions.push(client);
      return client;
    },
    async close() {
      await Promise.all(sessions.map((client) => client.end()));
    },
  };
}

function at(url: string, database: string): string {
  const moved = new URL(url);
  moved.pathname = `/${database}`;
  return moved.href;
}

async function copyOf(template: string): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await once(
    at(sharedStack().adminUrl, 'postgres'),
    `CREATE DATABASE ${name} OWNER marquee_migrator TEMPLATE ${template}`,
  );
  return name;
}

/** One for each test file, copied for its tests. */
async function createTemplate(): Promise<string> {
  const { config, adminUrl } = sharedStack();
  const name = await copyOf('template0');
  await once(at(adminUrl, name), 'CREATE EXTENSION vector');
  await migrate({ url: at(config.postgres.migratorUrl, name) });
  return name;
}

async function once(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Rows as arrays of their values, for literal comparison. */
export async function values(
  client: pg.Client,
  text: string,
  parameters: readonly unknown[] = [],
): Promise<unknown[][]> {
  const result = await client.query<unknown[]>({ text, values: [...parameters], rowMode: 'array' });
  return result.rows;
}

/** The first column of the only row. */
export async function value(
  client: pg.Client,
  text: string,
  parameters: readonly unknown[] = [],
): Promise<unknown> {
  const rows = await values(client, text, parameters);
  if (rows.length !== 1) throw new Error(`expected one row, got ${String(rows.length)}: ${text}`);
  return rows[0]?.[0];
}
