import { afterAll, beforeAll, expect, it } from 'vitest';
import type pg from 'pg';
import { formatUuid, uuidv7 } from '../../../common/uuid.ts';
import { HOUR_MS } from '../../../common/time.ts';
import { createPool } from '../../../connectors/postgres/pool.ts';
import type { Pool } from '../../../connectors/postgres/pool.ts';
import { readOneUser, readUsersToList } from '../../../serving/state/to-list.ts';
import { createDatabase } from '../../support/sql-database.ts';
import type { TestDatabase } from '../../support/sql-database.ts';

const now = Date.now();
const HOUR_AGO = now - HOUR_MS;
const idAt = (ms: number): string => formatUuid(uuidv7(ms));

let database: TestDatabase;
let admin: pg.Client;
let pool: Pool;

beforeAll(async () => {
  database = await createDatabase();
  admin = await database.session('admin');
  pool = createPool({
    url: `${database.writerUrl}?options=-c%20search_path%3Dmarquee,public`,
    applicationName: 'test',
    connectionsMax: 2,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 5_000,
  });
  for (const [table, width] of [
    ['recommendation_logs', '1 day'],
    ['recommendation_feedback', '1 day'],
  ])
    await admin.query(`SELECT ensure_partitions($1::regclass, ARRAY[to_timestamp($2)], $3)`, [
      ...[table, HOUR_AGO / 1000, width],
    ]);
  await user('ann', 3, [
    [20, 2, 4_000],
    [10, 1, 5_000],
  ]);
  await user('bob', 1, []);
});

afterAll(async () => {
  await pool.close();
  await database.close();
});

async function user(
  name: string,
  version: number,
  ratings: readonly (readonly [movie: number, hoursAgo: number, milli: number])[],
): Promise<void> {
  await admin.query(
    `INSERT INTO user_profiles (user_id, profile_version, first_event_id, last_event_id)
     VALUES ($1, $2, $3, $3)`,
    [name, version, idAt(now)],
  );
  for (const [movie, hoursAgo, milli] of ratings)
    await admin.query(
      `INSERT INTO user_history (user_id, movie_id, last_event_id, rating_event_id, rating_milli)
       VALUES ($1, $2, $3, $3, $4)`,
      [name, movie, idAt(now - hoursAgo * HOUR_MS), milli],
    );
}

async function serve(userId: string, movies: readonly number[]): Promise<string> {
  const id = idAt(HOUR_AGO);
  await admin.query(
    `INSERT INTO recommendation_logs (request_id, served_at, received_at, kafka_offset,
       kafka_partition, user_id, source, algorithm, app, movie_ids, scores, properties)
     VALUES ($1, uuid_time($1), now(), 1, 0, $2, 'cache', 'item_item', 'test', $3, '{}', '{}')`,
    [id, userId, movies],
  );
  return id;
}

async function answer(requestId: string, action: string, movieId: number): Promise<void> {
  await admin.query(
    `INSERT INTO recommendation_feedback (event_id, request_id, occurred_at, received_at, movie_id,
       kafka_offset, kafka_partition, user_id, action, app)
     VALUES ($1, $2, uuid_time($1), now(), $3, 1, 0, 'ann', $4, 'test')`,
    [idAt(HOUR_AGO + 1), requestId, movieId, action],
  );
}

it('knows nothing of who was never seen', async () => {
  const found = await readOneUser(pool, 'nobody', { wantsShown: true, now });
  expect(found).toEqual({ user: null, shown: new Map(), batch: null });
});

it('reads history in the order of time, and what was shown without a response', async () => {
  const request = await serve('ann', [1, 2, 3, 4]);
  for (const movie of [1, 2, 3]) await answer(request, 'impression', movie);
  await answer(request, 'click', 2);
  const { user: ann, shown, batch } = await readOneUser(pool, 'ann', { wantsShown: true, now });
  expect(ann?.profileVersion).toBe(3);
  expect(ann?.history.map(({ movieId, weight, seen }) => [movieId, weight, seen])).toEqual([
    [20, 4, true],
    [10, 6, true],
  ]);
  // Reported and not answered; an hour is a 24th of the half-life.
  expect([...shown.keys()].sort()).toEqual([1, 3]);
  expect(shown.get(1)).toBeCloseTo(0.5 ** (1 / 24), 3);
  expect(batch).toBeNull();

  const unasked = await readOneUser(pool, 'ann', { wantsShown: false, now });
  expect(unasked).toEqual({ user: ann, shown: new Map(), batch: null });
  const both = await readUsersToList(pool, ['ann', 'bob', 'nobody'], now);
  expect([...both].sort()).toEqual([
    ['ann', { user: ann, shown }],
    ['bob', { user: { profileVersion: 1, history: [] }, shown: new Map() }],
  ]);
});
