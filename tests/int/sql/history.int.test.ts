import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, values } from '../../support/sql-database.ts';
import type { TestDatabase } from '../../support/sql-database.ts';
import { idAt } from './fixture.ts';

let database: TestDatabase;
let writer: pg.Client;
beforeAll(async () => {
  database = await createDatabase();
  writer = await database.session('writer');
});
afterAll(() => database.close());

interface Pair {
  clicks?: number;
  views?: number;
  plays?: number;
  completes?: number;
  shares?: number;
  watched_milli?: number;
  rating_milli?: number;
  opinion?: number;
  in_list?: boolean;
}

async function judge(pair: Pair): Promise<unknown> {
  await writer.query('BEGIN');
  try {
    const given = {
      ...pair,
      user_id: 'u',
      movie_id: 1,
      last_event_id: idAt(1),
      ...(pair.rating_milli === undefined ? {} : { rating_event_id: idAt(1) }),
    };
    const columns = Object.keys(given);
    const places = columns.map((_, i) => `$${String(i + 1)}`);
    await writer.query(
      `INSERT INTO user_history (${columns.join(', ')}) VALUES (${places.join(', ')})`,
      Object.values(given),
    );
    return (await values(writer, 'SELECT seen, weight_milli FROM user_history'))[0];
  } finally {
    await writer.query('ROLLBACK');
  }
}

it.each<[what: string, pair: Pair, seen: boolean, weight: number]>([
  ['nothing', {}, false, 0],
  ['a click', { clicks: 1 }, false, 200],
  ['many clicks and views', { clicks: 2_000_000_000, views: 2_000_000_000 }, false, 600],
  ['a play', { plays: 1 }, false, 500],
  ['many plays', { plays: 2_000_000_000 }, false, 1500],
  ['a third watched', { plays: 1, watched_milli: 333 }, false, 1166],
  ['just under half watched', { watched_milli: 499 }, false, 998],
  ['half watched', { watched_milli: 500 }, true, 1000],
  ['completed twice', { completes: 2, watched_milli: 1000 }, true, 3000],
  ['shared often', { shares: 9 }, false, 1000],
  ['on the list', { in_list: true }, false, 1000],
  ['liked', { opinion: 1 }, true, 3000],
  ['disliked though watched', { opinion: -1, completes: 1, plays: 3 }, true, 0],
  ['five stars', { rating_milli: 5000 }, true, 6000],
  ['three and a half stars', { rating_milli: 3500 }, true, 3000],
  ['just over two stars', { rating_milli: 2001, plays: 1 }, true, 502],
  ['two stars though liked', { rating_milli: 2000, opinion: 1 }, true, 0],
  ['half a star', { rating_milli: 500, completes: 1 }, true, 0],
  [
    'everything',
    {
      clicks: 9,
      views: 9,
      plays: 9,
      completes: 9,
      shares: 9,
      watched_milli: 1000,
      rating_milli: 5000,
      opinion: 1,
      in_list: true,
    },
    true,
    16_100,
  ],
])('weighs %s', async (_, pair, seen, weight) => {
  expect(await judge(pair)).toEqual([seen, weight]);
});

it.each<[string, Pair]>([
  ['a rating out of range', { rating_milli: 5001 }],
  ['more than the whole movie watched', { watched_milli: 1001 }],
  ['an opinion that is none', { opinion: 2 }],
  ['a negative count', { plays: -1 }],
])('refuses %s', async (_, pair) => {
  await expect(judge(pair)).rejects.toMatchObject({ code: '23514' });
});

it('needs no write to change the formula: both columns are virtual', async () => {
  expect(
    await values(
      writer,
      `SELECT attname, attgenerated FROM pg_attribute
        WHERE attrelid = 'user_history'::regclass AND attgenerated <> '' ORDER BY 1`,
    ),
  ).toEqual([
    ['seen', 'v'],
    ['weight_milli', 'v'],
  ]);
});
