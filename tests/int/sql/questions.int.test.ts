import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase } from '../../support/sql-database.ts';
import type { TestDatabase } from '../../support/sql-database.ts';
import { fill } from './fixture.ts';

type Row = Record<string, unknown>;

const page = readFileSync(join(import.meta.dirname, '../../../docs/questions.md'), 'utf8');
let database: TestDatabase;
let reader: pg.Client;
beforeAll(async () => {
  database = await createDatabase();
  await fill(await database.session('writer'));
  reader = await database.session('reader');
});
afterAll(() => database.close());

/** What each question answers over the fixture, as `column column ...` of each row. */
const answers: [number: number, columns: string, rows: unknown[][]][] = [
  [
    1,
    'processor ok duplicates too_late dead',
    [
      ['feedback', '0', '0', '0', '0'],
      ['interactions', '190', '4', '3', '3'],
      ['movies', '0', '0', '0', '0'],
      ['profiles', '0', '0', '0', '0'],
      ['serve-logs', '0', '0', '0', '0'],
    ],
  ],
  [3, 'title users_6h users_before times_as_many_an_hour', [['Alpha', '2', '1', '3.3']]],
  [
    4,
    'action title value recommended',
    [
      ['view', 'Delta', null, false],
      ['complete', 'Alpha', 1, false],
      ['play', 'Alpha', 0.2, false],
      ['click', 'Alpha', null, false],
      ['impression', 'Alpha', null, false],
      ['impression', 'Beta', null, false],
    ],
  ],
  [
    6,
    'is_new users actions_a_user rating',
    [
      [false, '1', '30', '3.75'],
      [true, '1', '5', null],
    ],
  ],
  [7, 'shown opened played finished', [['2', '1', '1', '1']]],
  [
    8,
    'source algorithm serves items_clicked ctr ctr_of_shown serve_ctr',
    [
      ['popular', 'popularity', '1', '1', '1.000000', null, '1.000000'],
      ['cache', 'als', '2', '1', '0.200000', '0.333333', '0.500000'],
    ],
  ],
  [
    9,
    'place served clicked ctr',
    [
      ['1', '3', '2', '0.6667'],
      ['2', '2', '0', '0.0000'],
      ['3', '1', '0', '0.0000'],
    ],
  ],
  [
    10,
    'what app records',
    [
      ['too late', null, '3'],
      ['refused: unknown_action', 'web', '2'],
      ['refused: not_avro', null, '1'],
    ],
  ],
];

const sections = new Map(
  [...page.matchAll(/^## (\d+)\. [^\n]*\n\n```sql\n([^`]*)```/gm)].map(
    ([, number, sql]) => [Number(number), sql ?? ''] as const,
  ),
);

async function ask(number: number): Promise<Row[]> {
  const { rows } = await reader.query<Row>(sections.get(number) ?? '');
  return rows;
}

it('has ten questions, and no statement outside of them', () => {
  expect([...sections.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(page.match(/```sql/g)).toHaveLength(10);
});

it.each(answers)('answers question %i', async (number, columns, expected) => {
  const rows = await ask(number);
  expect(rows.map((row) => columns.split(' ').map((column) => row[column]))).toEqual(expected);
});

it('answers question 2 with each action in the five minutes it happened in', async () => {
  const rows = await ask(2);
  const byAction = new Map<unknown, number>();
  for (const row of rows) {
    byAction.set(row['action'], (byAction.get(row['action']) ?? 0) + Number(row['actions']));
    expect((row['from_time'] as Date).getTime() % 300_000).toBe(0);
  }
  expect(Object.fromEntries(byAction)).toEqual({
    click: 1,
    complete: 1,
    impression: 2,
    play: 2,
    search: 1,
    view: 1,
  });
});

it('answers question 5 with the last twenty items', async () => {
  const rows = await ask(5);
  expect(rows).toHaveLength(20);
  expect(rows[1]).toMatchObject({
    rank: '2',
    title: 'Beta',
    weight: '1.800',
    seen: true,
    watched_share: '0.800',
  });
});
