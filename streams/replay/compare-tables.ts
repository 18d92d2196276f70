import type { Session } from '../../connectors/postgres/session.ts';
import { OUTCOMES } from '../runtime/commit/ledger.ts';

export interface TableComparison {
  readonly table: string;
  readonly leftRows: number;
  readonly rightRows: number;
  /** Rows, counted with their repetitions, that the other side does not have. */
  readonly onlyLeft: number;
  readonly onlyRight: number;
  /** A few of them, as JSON. */
  readonly samples: readonly { readonly side: 'left' | 'right'; readonly row: unknown }[];
}

const SAMPLES = 5;

/** Two relations as SQL that names the same columns in the same order. */
export async function compareQueries(
  session: Session,
  table: string,
  left: string,
  right: string,
  values: readonly unknown[] = [],
): Promise<TableComparison> {
  const sample = (side: string) =>
    `(SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]')
        FROM (SELECT * FROM only_${side} LIMIT ${SAMPLES}) s)`;
  const [row] = await session.query<{
    left_rows: number;
    right_rows: number;
    only_left: number;
    only_right: number;
    left_samples: unknown[];
    right_samples: unknown[];
  }>(
    `WITH l AS MATERIALIZED (${left}), r AS MATERIALIZED (${right}),
       only_left AS MATERIALIZED (TABLE l EXCEPT ALL TABLE r),
       only_right AS MATERIALIZED (TABLE r EXCEPT ALL TABLE l)
     SELECT (SELECT count(*) FROM l) AS left_rows, (SELECT count(*) FROM r) AS right_rows,
       (SELECT count(*) FROM only_left) AS only_left,
       (SELECT count(*) FROM only_right) AS only_right,
       ${sample('left')} AS left_samples, ${sample('right')} AS right_samples`,
    values,
  );
  if (row === undefined) throw new Error('a comparison returned no row');
  return {
    table,
    leftRows: row.left_rows,
    rightRows: row.right_rows,
    onlyLeft: row.only_left,
    onlyRight: row.only_right,
    samples: [
      ...row.left_samples.map((r) => ({ side: 'left' as const, row: r })),
      ...row.right_samples.map((r) => ({ side: 'right' as const, row: r })),
    ],
  };
}

export interface CompareOptions {
  /** Schemas, as they are to stand in SQL. */
  readonly left: string;
  readonly right: string;
  readonly tables: readonly string[];
  /** Columns to leave out, wherever they occur: what no stream makes (vectors). */
  readonly leaveOut?: readonly string[];
  /** Condition on the rows, in SQL; all by default. */
  readonly where?: string;
}

/**
 * Compares tables of two schemas row for row, generated columns included, by EXCEPT ALL both ways.
 * Run it in one snapshot (REPEATABLE READ) when either side may change.
 */
export async function compareTables(
  session: Session,
  { left, right, tables, leaveOut = [], where = 'true' }: CompareOptions,
): Promise<TableComparison[]> {
  const comparisons: TableComparison[] = [];
  for (const table of tables) {
    const columns = (await columnsOf(session, `${left}.${table}`))
      .filter((column) => !leaveOut.includes(column))
      .map((column) => `"${column}"`)
      .join(', ');
    const rows = (schema: string) => `SELECT ${columns} FROM ${schema}.${table} WHERE ${where}`;
    comparisons.push(await compareQueries(session, table, rows(left), rows(right)));
  }
  return comparisons;
}

/** Columns in their order; `stored` leaves generated ones out. */
export async function columnsOf(
  session: Session,
  table: string,
  which: 'all' | 'stored' = 'all',
): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
       AND ($2 = 'all' OR attgenerated = '') ORDER BY attnum`,
    [table, which],
  );
  return rows.map((row) => row.name);
}

/** A processor's name in the ledger of a schema. */
export interface LedgerSide {
  readonly schema: string;
  readonly processor: string;
}

/**
 * Compares what two ledgers say of the records from given offsets on: per partition and outcome the
 * count and both sums. How they cut their ranges is no matter.
 */
export function compareLedgers(
  session: Session,
  left: LedgerSide,
  right: LedgerSide,
  from: ReadonlyMap<number, number>,
): Promise<TableComparison> {
  const outcomes = OUTCOMES.map((outcome) => {
    const sum = (kind: string) => `mod(sum(l.${outcome}_${kind}_sum), 2::numeric ^ 128)`;
    return `('${outcome}', sum(l.${outcome}_count), ${sum('id')}, ${sum('content')})`;
  });
  const totals = (side: LedgerSide, parameter: string) =>
    `SELECT t.topic, t.partition, o.* FROM (
       SELECT l.topic, l.partition,
              ARRAY[${outcomes.map((o) => `ROW${o}::text`).join(', ')}] AS all_outcomes
       FROM ${side.schema}.stream_ledger l
       JOIN unnest($1::int[], $2::bigint[]) AS f(partition, first)
         ON f.partition = l.partition AND l.from_offset >= f.first
       WHERE l.processor = ${parameter} GROUP BY l.topic, l.partition) t,
       unnest(t.all_outcomes) AS o(totals)`;
  return compareQueries(session, 'stream_ledger', totals(left, '$3'), totals(right, '$4'), [
    [...from.keys()],
    [...from.values()],
    left.processor,
    right.processor,
  ]);
}

/**
 * Compares the dead letters of records from given offsets on, whatever was done with them since.
 */
export function compareDeadLetters(
  session: Session,
  left: LedgerSide,
  right: LedgerSide,
  from: ReadonlyMap<number, number>,
): Promise<TableComparison> {
  const letters = (side: LedgerSide, parameter: string) =>
    `SELECT d.topic, d.partition, d.kafka_offset, d.reason, d.detail, d.received_at,
       d.first_received_at, d.schema_id, d.app, d.replay_count, d.key,
       md5(d.value) AS value_md5, d.headers
     FROM ${side.schema}.dead_letters d
     JOIN unnest($1::int[], $2::bigint[]) AS f(partition, first)
       ON f.partition = d.partition AND d.kafka_offset >= f.first
     WHERE d.processor = ${parameter}`;
  return compareQueries(session, 'dead_letters', letters(left, '$3'), letters(right, '$4'), [
    [...from.keys()],
    [...from.values()],
    left.processor,
    right.processor,
  ]);
}

export function isEqual(comparison: TableComparison): boolean {
  return comparison.onlyLeft === 0 && comparison.onlyRight === 0;
}
