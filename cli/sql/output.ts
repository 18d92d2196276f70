import { once } from 'node:events';
import type { DuckDBValue } from '@duckdb/node-api';
import type { SqlResult } from '../../connectors/duckdb/database.ts';
import { jsonOfValue, textOfValue } from '../../connectors/duckdb/values.ts';
import { formatCount, formatTable } from '../terminal/format.ts';

export const FORMATS = ['table', 'csv', 'json'] as const;
export type Format = (typeof FORMATS)[number];

/** Rows that a table shows: it must know all of them to be as wide as they are. */
export const TABLE_ROWS_MAX = 1_000;

const NUMBERS = /^(?:U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|FLOAT|DOUBLE|DECIMAL.*)$/;

/**
 * The result as text, piece by piece: no more than a piece (or, as a table, TABLE_ROWS_MAX rows) is
 * in memory. CSV is RFC 4180, with NULL as nothing and an empty text as ""; JSON is an array of
 * objects, one a line.
 */
export function textOf(result: SqlResult, format: Format, width: number): AsyncIterable<string> {
  switch (format) {
    case 'csv':
      return csvOf(result);
    case 'json':
      return jsonOf(result);
    case 'table':
      return tableOf(result, width);
  }
}

async function* csvOf({ columns, pieces }: SqlResult): AsyncGenerator<string> {
  yield `${columns.map(({ name }) => csvField(name)).join(',')}\r\n`;
  for await (const rows of pieces)
    yield rows.map((row) => `${row.map((v) => csvField(textOfValue(v))).join(',')}\r\n`).join('');
}

function csvField(text: string | null): string {
  if (text === null) return '';
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function* jsonOf({ columns, pieces }: SqlResult): AsyncGenerator<string> {
  const names = columns.map(({ name }) => JSON.stringify(name));
  const object = (row: readonly DuckDBValue[]) =>
    `{${row.map((value, i) => `${names[i] ?? ''}:${jsonOfValue(value)}`).join(',')}}`;
  let before = '[\n';
  for await (const rows of pieces) {
    yield before + rows.map(object).join(',\n');
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

async function* tableOf({ columns, pieces }: SqlResult, width: number): AsyncGenerator<string> {
  if (columns[0]?.name === 'explain_key') {
    // A plan is drawn already.
    for await (const rows of pieces) for (const row of rows) yield `${String(row[1])}\n`;
    return;
  }
  const shown: string[][] = [];
  let count = 0;
  for await (const rows of pieces) {
    count += rows.length;
    for (const row of rows)
      if (shown.length < TABLE_ROWS_MAX) shown.push(row.map((v) => textOfValue(v) ?? 'NULL'));
  }
  const head = columns.map(({ name, type }) => ({
    title: name,
    ...(NUMBERS.test(type) ? { align: 'right' as const } : {}),
  }));
  yield `${formatTable(head, shown, width)}\n`;
  yield count > shown.length
    ? `(${formatCount(shown.length)} of ${formatCount(count)} rows; --format csv or json gives all)\n`
    : `(${formatCount(count)} ${count === 1 ? 'row' : 'rows'})\n`;
}

/** Writes no faster than it is read. */
export async function write(pieces: AsyncIterable<string>, out: NodeJS.WriteStream): Promise<void> {
  for await (const text of pieces) if (!out.write(text)) await once(out, 'drain');
}
