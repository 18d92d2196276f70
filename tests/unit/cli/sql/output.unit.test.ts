import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TABLE_ROWS_MAX, textOf } from '../../../../cli/sql/output.ts';
import type { Format } from '../../../../cli/sql/output.ts';
import { openDuckDb } from '../../../../connectors/duckdb/database.ts';
import type { DuckDb } from '../../../../connectors/duckdb/database.ts';

let database: DuckDb;
beforeAll(async () => {
  database = await openDuckDb({
    httpfs: null,
    store: { endpoint: 'http://store.invalid', accessKey: '', secretKey: '' },
    spillFolder: join(tmpdir(), 'marquee-unit-spill'),
  });
});
afterAll(() => {
  database.close();
});

async function pieces(query: string, format: Format): Promise<string[]> {
  const texts: string[] = [];
  for await (const text of textOf(await database.stream(query), format, 80)) texts.push(text);
  return texts;
}
const written = async (query: string, format: Format) => (await pieces(query, format)).join('');

const KINDS = `SELECT 9007199254740993 AS big, 1.50::DECIMAL(9, 2) AS price, 'a "b", c' AS t,
  '' AS empty, NULL AS nothing, MAP {'k': 'v'} AS m, [1, 2] AS l, {'x': 1} AS s,
  TIMESTAMPTZ '2026-11-20 12:30:00.123Z' AS at, DATE '2026-11-20' AS day, 'NaN'::DOUBLE AS n`;

test('CSV is RFC 4180, tells NULL from an empty text, and loses no digit', async () => {
  expect(await written(KINDS, 'csv')).toBe(
    'big,price,t,empty,nothing,m,l,s,at,day,n\r\n' +
      `9007199254740993,1.50,"a ""b"", c","",,{'k': 'v'},"[1, 2]",{'x': 1},` +
      '2026-11-20 12:30:00.123+00,2026-11-20,NaN\r\n',
  );
});

test('JSON keeps all digits, and has times as ISO 8601 and maps as objects', async () => {
  expect(await written(KINDS, 'json')).toBe(
    '[\n{"big":9007199254740993,"price":1.50,"t":"a \\"b\\", c","empty":"","nothing":null,' +
      '"m":{"k":"v"},"l":[1,2],"s":{"x":1},"at":"2026-11-20T12:30:00.123Z","day":"2026-11-20",' +
      '"n":"NaN"}\n]\n',
  );
  expect(await written('SELECT 1 AS n WHERE false', 'json')).toBe('[]\n');
});

test('a table shows its first rows and says how many there are', async () => {
  expect(await written('SELECT 7 AS n, NULL::VARCHAR AS nothing', 'table')).toBe(
    'n  nothing\n7  NULL\n(1 row)\n',
  );
  const table = await written(`FROM range(${TABLE_ROWS_MAX + 500})`, 'table');
  expect(table.split('\n')).toHaveLength(TABLE_ROWS_MAX + 3);
  expect(table).toContain('(1,000 of 1,500 rows; --format csv or json gives all)');
});

test('a plan is shown as DuckDB draws it', async () => {
  expect(await written('EXPLAIN SELECT 1', 'table')).toMatch(/^┌─+┐$/m);
});

test('CSV and JSON come piece by piece', async () => {
  const csv = await pieces('FROM range(300000)', 'csv');
  expect(csv.length).toBeGreaterThan(100);
  expect(csv.join('').split('\r\n')).toHaveLength(300_002);
  const rows = JSON.parse(await written('FROM range(5000)', 'json')) as unknown[];
  expect(rows).toHaveLength(5_000);
});

test('what runs is ended when it is asked to, and nothing after it', async () => {
  const endless = database.stream(
    'SELECT count(*) FROM range(1000000000000) a, range(9) b WHERE a.range = -b.range - 1',
  );
  database.interrupt();
  await expect(endless).rejects.toMatchObject({
    code: 'MARQUEE_SQL_FAILED',
    message: expect.stringMatching(/^INTERRUPT/) as string,
  });
  expect(await database.all('SELECT 42')).toEqual([[42]]);
});
