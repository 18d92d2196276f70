import pg from 'pg';
import { toPostgresError } from './errors.ts';

/** Whatever answers queries: a session, or a pool of connections. */
export interface Queryable {
  query<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

export interface PoolOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly connectionsMax: number;
  /** Includes the wait for a connection that is free. */
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** Of the server, for each connection. */
  readonly serverSettings?: Readonly<Record<string, string>>;
}

/** Connections that are opened when needed; each query stands alone. */
export interface Pool extends Queryable {
  close(): Promise<void>;
}

const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);

export function createPool(options: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.connectionsMax,
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    // A server that was cut off answers nothing, its own time-outs included.
    query_timeout: options.statementTimeoutMs + options.connectTimeoutMs,
    keepAlive: true,
    types,
    ...(options.serverSettings === undefined
      ? {}
      : { options: serverOptions(options.serverSettings) }),
  });
  pool.on('error', () => undefined); // an idle connection was lost: the next query opens another
  const names = new Map<string, string>();
  /** A statement of one name is planned once a connection. */
  const nameOf = (text: string): string => {
    const known = names.get(text);
    if (known !== undefined) return known;
    const name = `q${names.size}`;
    names.set(text, name);
    return name;
  };
  return {
    async query<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]) {
      try {
        const name = nameOf(text);
        return (await pool.query<R>({ name, text, values: values as unknown[] })).rows;
      } catch (error) {
        throw toPostgresError(error, text.trim().replace(/\s+/g, ' ').slice(0, 60));
      }
    },
    async close() {
      await pool.end();
    },
  };
}

function serverOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
}
