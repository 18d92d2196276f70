import type { Client } from 'pg';
import type { CommitPoint } from '../runner/rate.ts';
import type { BenchStack } from '../runner/stack.ts';
import { HOUR_MS } from '../../../common/time.ts';
import { formatUuid } from '../../../common/uuid.ts';
import { lowestUuidAt } from '../../support/lowest-uuid.ts';

/** The columns of rt_user_interactions, in their physical order, which COPY reads fastest. */
export const COLUMNS = [
  'event_id',
  'occurred_at',
  'received_at',
  'movie_id',
  'value',
  'kafka_offset',
  'kafka_partition',
  'position',
  'request_id',
  'user_id',
  'action',
  'session_id',
  'device',
  'app',
  'app_version',
  'properties',
] as const;

/** Where the broker's clock goes in: the one column that differs from run to run. */
const UNCOMPARED = 'received_at';

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** Bounds of occurred_at, in epoch milliseconds. */
interface TimeSpan {
  readonly firstMs: number;
  readonly lastMs: number;
}

export const MARQUEE_TABLE: TableName = { schema: 'marquee', table: 'rt_user_interactions' };

export function quoted({ schema, table }: TableName): string {
  return `"${schema}"."${table}"`;
}

/**
 * Makes an empty table of a peer's own with the columns, types, primary key and hour partitions of
 * rt_user_interactions. `extra` are columns that the peer cannot do without.
 */
export async function createPeerTable(
  { stack, load }: { readonly stack: BenchStack; readonly load: TimeSpan },
  name: TableName,
  extra: readonly string[] = [],
): Promise<void> {
  const sql = await stack.connect();
  try {
    await sql.query(`CREATE SCHEMA IF NOT EXISTS "${name.schema}"`);
    await sql.query(`DROP TABLE IF EXISTS ${quoted(name)}`);
    await sql.query(
      `CREATE TABLE ${quoted(name)} (LIKE ${quoted(MARQUEE_TABLE)} INCLUDING ALL) ` +
        'PARTITION BY RANGE (event_id)',
    );
    for (const column of extra) await sql.query(`ALTER TABLE ${quoted(name)} ADD COLUMN ${column}`);
    for (let hour = Math.floor(load.firstMs / HOUR_MS); hour * HOUR_MS <= load.lastMs; hour++) {
      await sql.query(
        `CREATE TABLE "${name.schema}"."${name.table}_${hour}" PARTITION OF ${quoted(name)} ` +
          `FOR VALUES FROM ('${lowestId(hour)}') TO ('${lowestId(hour + 1)}')`,
      );
    }
  } finally {
    await sql.end();
  }
}

/** What all ids of an hour, and of those after it, sort at or above. */
const lowestId = (hour: number): string => formatUuid(lowestUuidAt(hour * HOUR_MS));

/** Rows that transactions have brought so far, as the statistics say it: cheap, up to 1 s late. */
export async function insertedSoFar(sql: Client, name: TableName): Promise<number> {
  const { rows } = await sql.query<{ n: string | null }>(
    `SELECT sum(s.n_tup_ins) AS n FROM pg_partition_tree($1::regclass) t
       JOIN pg_stat_user_tables s ON s.relid = t.relid`,
    [quoted(name)],
  );
  return Number(rows[0]?.n ?? 0);
}

export async function countRows(sql: Client, name: TableName): Promise<number> {
  const { rows } = await sql.query<{ n: string }>(`SELECT count(*) AS n FROM ${quoted(name)}`);
  return Number(rows[0]?.n);
}

/** By Postgres's own commit timestamps, in order of time. */
export async function commitTimeline(sql: Client, name: TableName): Promise<CommitPoint[]> {
  const { rows } = await sql.query<{ at: string; n: string }>(
    `SELECT extract(epoch FROM pg_xact_commit_timestamp(x)) * 1000 AS at, sum(n) AS n
       FROM (SELECT xmin AS x, count(*) AS n FROM ${quoted(name)} GROUP BY xmin) g
      GROUP BY 1 ORDER BY 1`,
  );
  return rows.map((row) => ({ atMs: Number(row.at), rows: Number(row.n) }));
}

/** What a table holds, in figures that any difference in any compared column changes. */
export interface Contents {
  readonly rows: number;
  readonly distinctIds: number;
  readonly contentSum: string;
}

export async function contentsOf(sql: Client, name: TableName): Promise<Contents> {
  const compared = COLUMNS.filter((column) => column !== UNCOMPARED).join(', ');
  const { rows } = await sql.query<{ n: string; ids: string; sum: string }>(
    `SELECT count(*) AS n, count(DISTINCT event_id) AS ids,
            coalesce(sum(hash_record_extended(ROW(${compared}), 0)::numeric), 0) AS sum
       FROM ${quoted(name)}`,
  );
  const row = rows[0];
  return {
    rows: Number(row?.n),
    distinctIds: Number(row?.ids),
    contentSum: String(row?.sum),
  };
}
