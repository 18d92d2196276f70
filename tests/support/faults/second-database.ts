import pg from 'pg';
import { migrate } from '../../../sql/migrate.ts';
import type { Environment } from './environment.ts';

/** Makes another database on the environment's server, with all tables and nothing in them. */
export async function createSecondDatabase(
  environment: Environment,
  database: string,
): Promise<{ admin: string; writer: string }> {
  const { db } = environment;
  const roles = ['marquee_migrator', 'marquee_writer', 'marquee_reader'];
  await db.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  await db.query(
    `CREATE DATABASE ${database} OWNER marquee_migrator ENCODING 'UTF8' TEMPLATE template0
     LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  for (const role of roles)
    await db.query(`ALTER ROLE ${role} IN DATABASE ${database} SET search_path = marquee, public`);
  const inSecond = (url: string): string => {
    const changed = new URL(url);
    changed.pathname = `/${database}`;
    return changed.href;
  };
  const admin = inSecond(environment.adminUrl);
  const client = new pg.Client({ connectionString: admin });
  await client.connect();
  await client.query('CREATE EXTENSION vector').finally(() => client.end());
  const { postgres } = environment.config;
  await migrate({ url: inSecond(postgres.migratorUrl) });
  return { admin, writer: inSecond(postgres.writerUrl) };
}
