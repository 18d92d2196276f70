import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPool } from '../../../connectors/postgres/pool.ts';
import type { Pool } from '../../../connectors/postgres/pool.ts';
import { openSession } from '../../../connectors/postgres/session.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { createRandom } from '../../../common/random.ts';
import { uuidv7, formatUuid } from '../../../common/uuid.ts';
import { loadModel } from '../../../serving/state/load-model.ts';
import { createExactNearest, createIndexedNearest } from '../../../serving/state/nearest.ts';
import { readUsers } from '../../../serving/state/users.ts';
import { readOneUser, readUsersToList } from '../../../serving/state/to-list.ts';
import { loadHandMade } from '../../support/serving/load-model.ts';
import { createDatabase } from '../../support/sql-database.ts';
import type { TestDatabase } from '../../support/sql-database.ts';

const VERSION = '20261127T020000Z';
const MOVIES = 500;
const DIMENSIONS = 8;
const random = createRandom(7);
const vectors = new Map(
  Array.from({ length: MOVIES }, (_, i) => [
    i + 1,
    Array.from({ length: DIMENSIONS }, () => Math.fround(random.next() - 0.5)),
  ]),
);

let database: TestDatabase;
let session: Session;
let pool: Pool;

beforeAll(async () => {
  database = await createDatabase();
  const { writerUrl: url } = database;
  session = await openSession({ url, applicationName: 'test', searchPath: 'marquee, public' });
  pool = createPool({
    url,
    applicationName: 'test',
    connectionsMax: 2,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 10_000,
    serverSettings: { 'hnsw.ef_search': '400', search_path: 'marquee,public' },
  });
  await loadHandMade(session, {
    version: VERSION,
    popularity: new Map([...vectors.keys()].map((id) => [id, id % 7])),
    neighbours: [
      { movieId: 3, otherId: 5, weight: 0.5 },
      { movieId: 1, otherId: 2, weight: -1 },
      { movieId: 3, otherId: 1, weight: 2 },
    ],
    next: [{ movieId: 2, otherId: 3, weight: 1.5 }],
    vectors,
  });
});
afterAll(async () => {
  await pool.close();
  await session.close();
  await database.close();
});

describe('a model that is loaded', () => {
  it('is what the tables have, by places', async () => {
    const { items, settings, generation } = await loadModel(session, VERSION, 3);
    expect([items.movieIds.length, generation]).toEqual([MOVIES, 3]);
    const place = (id: number) => items.placeOf.get(id) as number;
    const rowOf = (rows: typeof items.neighbours, id: number) =>
      Array.from(rows.places.subarray(rows.starts[place(id)], rows.starts[place(id) + 1])).map(
        (other, i) => [items.movieIds[other], rows.weights[(rows.starts[place(id)] as number) + i]],
      );
    expect(rowOf(items.neighbours, 3).toSorted()).toEqual([
      [1, 2],
      [5, 0.5],
    ]);
    expect(rowOf(items.next, 2)).toEqual([[3, 1.5]]);
    expect(items.popularity[place(6)]).toBe(6);
    expect(Array.from(items.vectors?.values.subarray(0, DIMENSIONS) ?? [])).toEqual(vectors.get(1));
    expect(settings.counts).toMatchObject({ movie_neighbours: 3 });
  });

  it('that has fewer rows than the run counted is refused', async () => {
    const admin = await database.session('migrator');
    await admin.query(
      `UPDATE model_versions SET settings = settings || '{"counts": {"movie_next": 2}}'`,
    );
    await expect(loadModel(session, VERSION, 1)).rejects.toMatchObject({
      code: 'MARQUEE_MODEL_INCOMPLETE',
    });
    await admin.query(
      `UPDATE model_versions SET settings = settings || '{"counts": {"movie_next": 1}}'`,
    );
  });
});

describe('the movies nearest to a vector', () => {
  it('are the same by a scan and by the index, but for a few that the index misses', async () => {
    const { items } = await loadModel(session, VERSION, 1);
    const exact = createExactNearest(items);
    const indexed = createIndexedNearest(pool, items);
    let found = 0;
    const rounds = 20;
    for (let round = 0; round < rounds; round++) {
      const vector = Float32Array.from({ length: DIMENSIONS }, () => random.next() - 0.5);
      const wanted = await exact.nearest(vector, 20);
      const near = await indexed.nearest(vector, 20);
      expect(near).toHaveLength(20);
      for (const list of [wanted, near])
        expect(list.map(({ product }) => product)).toEqual(
          list.map(({ product }) => product).toSorted((a, b) => b - a),
        );
      const products = new Map(wanted.map(({ movieId, product }) => [movieId, product]));
      for (const { movieId, product } of near) {
        const own = products.get(movieId);
        if (own === undefined) continue;
        found++;
        expect(product).toBeCloseTo(own, 4);
      }
    }
    expect(found / (20 * rounds)).toBeGreaterThan(0.95);
  });
});

describe('a user', () => {
  it('is their history in the order of time, as of one version of their profile', async () => {
    const at = Date.UTC(2026, 10, 27);
    const ids = [at + 5, at + 1].map((ms) => formatUuid(uuidv7(ms)));
    await session.execute(
      `INSERT INTO user_profiles (user_id, profile_version, first_event_id, last_event_id)
       VALUES ('ann', 7, $1, $1), ('bob', 1, $1, $1)`,
      [ids[0]],
    );
    await session.execute(
      `INSERT INTO user_history (user_id, movie_id, last_event_id, rating_milli, rating_event_id)
       VALUES ('ann', 9007199254740991, $1, 4500, $1), ('ann', 2, $2, NULL, NULL)`,
      ids,
    );
    const users = await readUsers(pool, ['ann', 'bob', 'nobody']);
    expect([...users.keys()].toSorted()).toEqual(['ann', 'bob']);
    expect(users.get('bob')).toEqual({ profileVersion: 1, history: [] });
    expect(users.get('ann')).toEqual({
      profileVersion: 7,
      history: [
        { movieId: 2, weight: 0, lastAt: at + 1, seen: false },
        { movieId: 9_007_199_254_740_991, weight: 5, lastAt: at + 5, seen: true },
      ],
    });
  });

  it('was shown what the log says, less what they answered', async () => {
    const now = Date.now();
    const [first, second] = [now - 2_000, now - 1_000].map((ms) => formatUuid(uuidv7(ms)));
    for (const table of ['recommendation_logs', 'recommendation_feedback'])
      await session.query(
        `SELECT ensure_partitions($1, ARRAY[to_timestamp($2 / 1000.0)], interval '1 day')`,
        [table, now],
      );
    await session.execute(
      `INSERT INTO recommendation_logs (request_id, served_at, received_at, kafka_offset,
         kafka_partition, user_id, source, algorithm, app, movie_ids, scores, properties)
       SELECT id, uuid_time(id), now(), 1, 0, 'ann', 'cache', 'item_item', 'test', '{1,2,3}', '{}', '{}'
         FROM unnest($1::uuid[]) AS id`,
      [[first, second]],
    );
    await session.execute(
      `INSERT INTO recommendation_feedback (event_id, request_id, occurred_at, received_at, movie_id,
         kafka_offset, kafka_partition, user_id, action, app)
       VALUES ($1, $2, now(), now(), 2, 1, 0, 'ann', 'click', 'test')`,
      [formatUuid(uuidv7(now)), second],
    );
    const users = await readUsersToList(pool, ['ann', 'bob', 'nobody'], now);
    expect([...users.keys()].toSorted()).toEqual(['ann', 'bob']);
    expect(users.get('bob')?.shown.size).toBe(0);
    const shown = users.get('ann')?.shown ?? new Map<number, number>();
    expect((await readOneUser(pool, 'ann', { wantsShown: true, now })).shown).toEqual(shown);
    const rounded = [...shown].map(([id, times]) => [id, times.toFixed(3)]);
    expect(rounded.toSorted()).toEqual([
      [1, '1.500'],
      [3, '0.500'],
    ]);
  });
});
