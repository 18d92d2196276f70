import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { toPostgresError } from './errors.ts';
import { inTransaction } from './transaction.ts';
import type { Isolation, Rollback } from './transaction.ts';

/**
 * One connection with one transaction at a time. The timeouts are the server's: a process that is
 * stopped in the middle of a transaction cannot hold its locks for longer than these.
 */
export interface SessionOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly searchPath?: string;
  readonly statementTimeoutMs?: number;
  readonly idleInTransactionTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
}

export interface Session {
  /** The server's process id of this connection. */
  readonly pid: number;
  query<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>;
  /** Rows affected. */
  execute(text: string, values?: readonly unknown[]): Promise<number>;
  /** A whole binary COPY body (CopyWriter.take). `target` is `table (column, ...)`. */
  copy(target: string, body: Buffer, onSent?: SentHook): Promise<void>;
  /** The output of `COPY ... TO STDOUT`, piece by piece; all of it must be taken. */
  copyOut(statement: string): AsyncIterable<Buffer>;
  /** The work between BEGIN and COMMIT, rolled back when it throws; see transaction.ts. */
  transaction<T>(work: () => Promise<T | Rollback<T>>, isolation?: Isolation): Promise<T>;
  /** False after the connection was lost or closed. */
  usable(): boolean;
  close(): Promise<void>;
}

/** Called when half of a COPY body, and when all of it, has been handed to the socket. */
export type SentHook = (part: 'half' | 'all') => Promise<void> | void;

/** Big enough to cost few calls, small enough that a cancelled COPY stops soon. */
const COPY_CHUNK_BYTES = 256 * 1024;

/** int8 as number (every bigint here is a safe integer), the rest as pg reads it. */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);

export async function openSession(options: SessionOptions): Promise<Session> {
  const client = new pg.Client({
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    keepAlive: true,
    types,
    ...(options.statementTimeoutMs === undefined
      ? {}
      : { statement_timeout: options.statementTimeoutMs }),
    ...(options.idleInTransactionTimeoutMs === undefined
      ? {}
      : { idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs }),
    ...(options.lockTimeoutMs === undefined ? {} : { lock_timeout: options.lockTimeoutMs }),
  });
  let usable = true;
  client.on('error', () => {
    usable = false;
  });
  client.on('end', () => {
    usable = false;
  });
  const guard = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw toPostgresError(error, doing);
    }
  };
  await guard('connecting', () => client.connect());
  const [self] = await guard('connecting', async () => {
    if (options.searchPath !== undefined)
      await client.query(`SET search_path TO ${options.searchPath}`);
    return (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
  });

  const send = (text: string, values: readonly unknown[] | undefined) =>
    guard(firstWords(text), () => client.query(text, values as unknown[] | undefined));

  const execute = async (text: string, values?: readonly unknown[]): Promise<number> =>
    (await send(text, values)).rowCount ?? 0;
  return {
    pid: self?.pid ?? 0,
    query: async <R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]) =>
      (await send(text, values)).rows as R[],
    execute,
    transaction: (work, isolation) =>
      inTransaction({ execute, usable: () => usable }, work, isolation),
    copy: (target, body, onSent) =>
      guard(`COPY ${target.slice(0, target.indexOf(' '))}`, () =>
        copyIn(client, target, body, onSent),
      ),
    copyOut: (statement) => copyPieces(client, statement),
    usable: () => usable,
    close: async () => {
      usable = false;
      await client.end().catch(() => undefined);
    },
  };
}

async function* copyPieces(client: pg.Client, statement: string): AsyncGenerator<Buffer> {
  try {
    for await (const piece of client.query(copyTo(statement))) yield piece as Buffer;
  } catch (error) {
    throw toPostgresError(error, 'COPY TO');
  }
}

async function copyIn(
  client: pg.Client,
  target: string,
  body: Buffer,
  onSent: SentHook | undefined,
): Promise<void> {
  const stream = client.query(copyFrom(`COPY ${target} FROM STDIN (FORMAT binary)`));
  const done = new Promise<void>((resolve, reject) => {
    stream.once('finish', resolve);
    stream.on('error', reject); // not once: a broken socket may report twice
  });
  done.catch(() => undefined); // awaited below; a failure between two chunks must not be unhandled
  let halfSent = false;
  for (let at = 0; at < body.length && !stream.destroyed; at += COPY_CHUNK_BYTES) {
    if (!stream.write(body.subarray(at, at + COPY_CHUNK_BYTES)))
      await Promise.race([
        new Promise((resolve) => stream.once('drain', resolve)),
        done, // rejects when the server ended the COPY
      ]);
    if (onSent !== undefined && !halfSent && at + COPY_CHUNK_BYTES >= body.length / 2) {
      halfSent = true;
      await onSent('half');
    }
  }
  if (onSent !== undefined) await onSent('all');
  if (!stream.destroyed) stream.end();
  await done;
}

function firstWords(sql: string): string {
  return sql.trim().replace(/\s+/g, ' ').slice(0, 60);
}
