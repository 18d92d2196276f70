import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { migrate } from '../../../sql/migrate.ts';
import { sharedStack } from '../../support/shared-stack.ts';

export interface TestDatabase {
  readonly name: string;
  readonly migratorUrl: string;
  readonly writerUrl: string;
  /** Sessions by role; ended by `drop`. */
  session(role: 'admin' | 'migrator' | 'writer' | 'reader'): Promise<pg.Client>;
  drop(): Promise<void>;
}

/**
 * A database of its own on the shared server, as sql/bootstrap.sql leaves one; `migrated` unless
 * told otherwise.
 */
export async function createDatabase(
  options: { migrated?: boolean; vector?: boolean } = {},
): Promise<TestDatabase> {
  const { config, adminUrl } = sharedStack();
  const name = `test_${randomBytes(6).toString('hex')}`;
  const at = (url: string, database = name): string => {
    const moved = new URL(url);
    moved.pathname = `/${database}`;
    return moved.href;
  };
  const urls = {
    admin: at(adminUrl),
    migrator: at(config.postgres.migratorUrl),
    writer: at(config.postgres.writerUrl),
    reader: at(config.postgres.readerUrl),
  };
  await once(
    at(adminUrl, 'postgres'),
    `CREATE DATABASE ${name} OWNER marquee_migrator TEMPLATE template0`,
  );
  if (options.vector !== false) await once(urls.admin, 'CREATE EXTENSION vector');
  for (const role of ['marquee_migrator', 'marquee_writer', 'marquee_reader']) {
    await once(
      urls.admin,
      `ALTER ROLE ${role} IN DATABASE ${name} SET search_path = marquee, public`,
    );
  }
  if (options.migrated !== false) await migrate({ url: urls.migrator });

  const sessions: pg.Client[] = [];
  return {
    name,
    migratorUrl: urls.migrator,
    writerUrl: urls.writer,
    async session(role) {
      const client = new pg.Client({ connectionString: urls[role], application_name: 'sql test' });
      // The drop of the database ends sessions that a failed test left busy.
      client.on('error', () => undefined);
      await client.connect();
      sessions.push(client);
      return client;
    },
    async drop() {
      await once(at(adminUrl, 'postgres'), `DROP DATABASE ${name} WITH (FORCE)`);
      await Promise.allSettled(sessions.map((client) => client.end()));
    },
  };
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
