import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BatchReport } from '../../../cli/batch/run.ts';
import { readEnvironment } from '../../../cli/config/config.ts';
import { createProgress } from '../../../cli/terminal/progress.ts';
import { installSpark, type Spark } from '../../../cli/stack/install/spark.ts';
import { openObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import { runArchive } from '../../../archive/ingest/run.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import type { CliResult } from '../../support/cli.ts';
import { until } from '../../support/until.ts';
import { createDriver, leftFolders, type Driver } from '../../support/batch/driver.ts';
import { startSparkCluster } from '../../support/batch/spark-cluster.ts';
import { archiveContextOf, SMALL_RANGES } from '../archive/context.ts';
import { startEnvironment, type Environment } from '../../support/streams/environment.ts';
import { readPairs } from './pairs.ts';
import { makeTastes, MOVIES, USERS } from './tastes.ts';
import { HOUR_MS } from '../../../common/time.ts';

const SEED = 2_718;
let environment: Environment;
let store: ObjectStore;
let spark: Spark;
let events: number;
let driver: Driver;

beforeAll(async () => {
  process.stdout.write(`seed ${String(SEED)}\n`);
  environment = await startEnvironment({ times: 'CreateTime', objectStore: true });
  driver = createDriver(environment);
  store = openObjectStore(environment.config.objectStore);
  await environment.admin.execute('SET search_path = marquee, public');
  const progress = createProgress(process.stderr);
  const { cache, stack } = environment.config;
  spark = await installSpark({ cache, javaHome: stack.javaHome }, progress);
  progress.close();
}, 900_000);
afterAll(async () => {
  store.close();
  await environment.close();
});

const marquee: Driver['marquee'] = (args, env) => driver.marquee(args, env);
const batch: Driver['batch'] = (more, env) => driver.batch(more, env);
const run: Driver['run'] = (...more) => driver.run(...more);
const rows: Driver['rows'] = (statement) => driver.rows(statement);

const serving = () => rows('SELECT model_version FROM active_model');
const lists = (version: string) =>
  rows(`SELECT user_id, rank, movie_id FROM batch_recommendations
         WHERE model_version = '${version}' ORDER BY 1, 2`);
const lastRun = async () =>
  (await rows('SELECT status, reason FROM model_performance_logs ORDER BY run_id DESC LIMIT 1'))[0];

describe('before there is anything', () => {
  test('a run says so, and logs that it failed', async () => {
    const { code, stderr } = await batch();
    expect(code).toBe(1);
    expect(stderr).toContain('MARQUEE_BATCH_EMPTY');
    expect(await lastRun()).toContain('failed');
    expect(await serving()).toEqual([]);
  });

  test('a wrong setting and a server that is away are named', async () => {
    const wrong = await batch(['--set', 'als.factors=0']);
    expect(wrong.stderr).toMatch(/MARQUEE_BATCH_SETTINGS: .*als\.factors = 0/);
    const url = 'postgres://marquee_writer:x@127.0.0.1:1/marquee';
    const away = await batch([], { MARQUEE_PG_WRITER_URL: url });
    expect([away.code, away.stderr]).toEqual([
      1,
      expect.stringContaining('MARQUEE_PG_UNAVAILABLE'),
    ]);
  });
});

describe('on archived and recent actions', () => {
  let first: BatchReport;
  let second: BatchReport;

  beforeAll(async () => {
    const tastes = await makeTastes(environment.codec, SEED, Date.now());
    events = tastes.events;
    const processors = ['interactions', 'profiles'].map((name) => PROCESSORS[name] as Processor);
    await environment.send('user-actions.v1', [...tastes.old, ...tastes.recent]);
    const running = await environment.run(processors);
    await environment.caughtUp(processors);
    await running.stop();
    const context = archiveContextOf(environment, store, {
      settings: { ...SMALL_RANGES, rowsMax: 1_000 },
    });
    await runArchive(context, Date.now() - 48 * HOUR_MS);
    first = await run('--seed', '7');
  }, 600_000);

  test('reads each event once, from where it is', async () => {
    const [archived, hot] = await Promise.all([
      rows('SELECT sum(rows) FROM archive_manifest'),
      rows('SELECT count(*) FROM rt_user_interactions'),
    ]);
    expect([Number(archived[0]?.slice(1, -1)), Number(hot[0]?.slice(1, -1))]).toSatisfy(
      ([a, h]: number[]) => (a ?? 0) > 1_000 && (h ?? 0) > 500,
    );
    expect(first).toMatchObject({ events, users: USERS, movies: MOVIES });
  });

  test('weighs as user_history does', async () => {
    const wanted = await environment.db.query(
      `SELECT user_id AS user, movie_id AS movie, weight_milli AS weight, seen, rating_milli AS rating
         FROM user_history ORDER BY 1, 2`,
    );
    expect(await readPairs(environment, spark)).toEqual(wanted);
  });

  test('learns the tastes, and promotes what beats popularity', async () => {
    expect(first).toMatchObject({ status: 'promoted', reason: null, kind: 'item_item' });
    const { blend, als, neighbours, popularity } = first.metrics;
    for (const model of [blend, als, neighbours])
      expect(model?.['ndcg_at_10']).toBeGreaterThan(1.5 * (popularity?.['ndcg_at_10'] ?? 1));
    expect(first.ratings.rmse).toBeLessThan(1);
    expect(await serving()).toEqual([`(${first.version})`]);
    const [logged] = await rows(
      `SELECT status, events, users, ndcg_at_10 > popularity_ndcg_at_10, index_recall_at_50 > 0.9,
              durations ? 'publish' FROM model_performance_logs WHERE model_version = '${first.version}'`,
    );
    expect(logged).toBe(`(promoted,${String(events)},${String(USERS)},t,t,t)`);
  });

  test('says how live lists do, and what lists are like beside being right', async () => {
    const [logged] = await rows(
      `SELECT kind, live_ndcg_at_10 > popularity_ndcg_at_10, visit_users + pause_users > 0,
              gini_at_10 BETWEEN 0 AND 1, head_share_at_10 BETWEEN 0 AND 1, novelty_at_10 > 0,
              popularity_lift_at_10 > 0, top_1_share BETWEEN 0 AND 1, diversity_at_10
         FROM model_performance_logs WHERE model_version = '${first.version}'`,
    );
    // No movie of this world has genres.
    expect(logged).toBe('(item_item,t,t,t,t,t,t,t,)');
    const { visit, pause } = first.places;
    expect((visit?.['users'] ?? 0) + (pause?.['users'] ?? 0)).toBeGreaterThan(0);
    expect((await marquee(['model', 'ls'])).stdout).toMatch(
      new RegExp(`${first.version} +item-item +0\\.`),
    );
  });

  test('gives everybody a list without what they have seen, in order', async () => {
    expect(await rows('SELECT count(DISTINCT user_id) FROM active_recommendations')).toEqual([
      `(${String(USERS)})`,
    ]);
    expect(
      await rows(
        `SELECT * FROM active_recommendations JOIN user_history USING (user_id, movie_id) WHERE seen`,
      ),
    ).toEqual([]);
    expect(
      await rows(`SELECT user_id FROM active_recommendations GROUP BY 1
        HAVING max(rank) <> count(*) OR count(*) > 50 OR count(DISTINCT movie_id) <> count(*)
            OR array_agg(score ORDER BY rank) <> array_agg(score ORDER BY score DESC)`),
    ).toEqual([]);
    const [mine] = await rows(
      `SELECT avg(((movie_id - 1) % 2 = substr(user_id, 6)::int % 2)::int)::numeric(3, 2)
         FROM active_recommendations WHERE rank <= 5`,
    );
    expect(Number(mine?.slice(1, -1))).toBeGreaterThan(0.9);
  });

  test('keeps a snapshot that says what it was made of', async () => {
    const found = await Promise.all(
      ['als', 'item-item', 'ratings', 'lists'].map(async (algorithm) => {
        const bytes = await store.get(`models/${algorithm}/${first.version}/metadata.json`);
        return JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
      }),
    );
    for (const metadata of found)
      expect(metadata).toMatchObject({
        version: first.version,
        seed: 7,
        counts: { events, users: USERS, movies: MOVIES },
        settings: { als: { factors: 8 } },
      });
    for (const algorithm of ['als', 'ratings']) {
      const paths: string[] = [];
      for await (const { name } of store.list(`models/${algorithm}/${first.version}/spark-model/`))
        paths.push(name);
      expect(paths.filter((path) => path.endsWith('.parquet')).length).toBeGreaterThan(1);
    }
    expect(await rows('SELECT count(*) FROM active_movies WHERE embedding IS NOT NULL')).toEqual([
      '(0)',
    ]);
    expect(
      await rows(`SELECT count(*), min(vector_dims(embedding)) FROM movie_embeddings`),
    ).toEqual([`(${String(MOVIES)},8)`]);
  });

  test('loads what live lists are made of, and says how much of it there is', async () => {
    const tables = ['movie_neighbours', 'movie_next', 'movie_popularity', 'batch_recommendations'];
    const [counted] = await rows(
      `SELECT ${tables.map((table) => `(SELECT count(*) FROM ${table})`).join(', ')}`,
    );
    const [said] = await rows(
      `SELECT ${tables.map((table) => `settings -> 'counts' ->> '${table}'`).join(', ')}
         FROM model_versions`,
    );
    expect(said).toBe(counted);
    expect(await rows('SELECT count(*) FROM movie_popularity')).toEqual([`(${String(MOVIES)})`]);
    expect(
      await rows(`SELECT max(n) <= 100, sum(n) > 100 FROM
        (SELECT movie_id, count(*) AS n FROM active_next GROUP BY 1) AS counts`),
    ).toEqual(['(t,t)']);
    expect(
      await rows(`SELECT settings -> 'live' ->> 'kind',
                         (settings #>> '{live,item_deviation}')::float8 > 0,
                         (settings #>> '{live,popularity_deviation}')::float8 > 0,
                         (settings #>> '{live,cut_ms}')::bigint > 0 FROM model_versions`),
    ).toEqual(['(item_item,t,t,t)']);
  });

  test('the same input and seed give the same lists, also on a cluster', async () => {
    const cluster = await startSparkCluster(spark.python, environment.config.stack.javaHome, 2);
    try {
      second = await run('--seed', '7', '--master', cluster.url);
    } finally {
      await cluster.stop();
    }
    expect(second.version > first.version).toBe(true);
    const [before, after] = await Promise.all([lists(first.version), lists(second.version)]);
    expect(before.length).toBeGreaterThan(USERS * 10);
    expect(after).toEqual(before);
  }, 600_000);

  test('promotion and rollback flip the pointer at once', async () => {
    expect(await serving()).toEqual([`(${second.version})`]);
    expect((await marquee(['model', 'rollback'])).stdout).toContain(`${first.version} serves now`);
    expect(await serving()).toEqual([`(${first.version})`]);
    // Not forward again to what was rolled back.
    expect((await marquee(['model', 'rollback'])).stderr).toContain('MARQUEE_MODEL_UNKNOWN');
    expect((await marquee(['model', 'promote', second.version])).code).toBe(0);
    expect(await serving()).toEqual([`(${second.version})`]);
    const unknown = await marquee(['model', 'promote', '20200101T000000Z']);
    expect(unknown.stderr).toContain('MARQUEE_MODEL_UNKNOWN');
    const listed = await marquee(['model', 'ls']);
    expect(listed.stdout).toMatch(new RegExp(`${second.version} +promoted +serves`));
    expect((await marquee(['model', 'show'])).stdout).toContain(second.version);
  });

  test('popularity serves where nothing better does and nobody can be judged', async () => {
    await environment.admin.execute('DELETE FROM active_model');
    const nobody = ['holdout.relevant_rating=9', 'holdout.relevant_weight=999'];
    const popular = await run(...nobody.flatMap((setting) => ['--set', setting]));
    expect(popular).toMatchObject({
      status: 'promoted',
      kind: 'popularity',
      reason: expect.stringContaining('nobody could be judged') as unknown,
    });
    expect(await serving()).toEqual([`(${popular.version})`]);
    const places = 'active_recommendations JOIN movie_popularity USING (model_version, movie_id)';
    expect(
      await rows(`SELECT count(DISTINCT user_id), bool_and(score = likes) FROM ${places}`),
    ).toEqual([`(${String(USERS)},t)`]);
    expect(
      await rows(`SELECT settings -> 'live' ->> 'kind' FROM model_versions
                   WHERE model_version = '${popular.version}'`),
    ).toEqual(['(popularity)']);
    expect((await marquee(['model', 'rollback'])).code).toBe(0);
    expect(await serving()).toEqual([`(${second.version})`]);
  });

  test('two at once: the second says so and leaves', async () => {
    await environment.db.query(`SELECT pg_advisory_lock(hashtextextended('marquee.batch', 0))`);
    try {
      const { code, stderr } = await batch();
      expect([code, stderr]).toEqual([1, expect.stringContaining('MARQUEE_BATCH_BUSY')]);
    } finally {
      await environment.db.query(`SELECT pg_advisory_unlock(hashtextextended('marquee.batch', 0))`);
    }
  });

  // The others: MARQUEE_TEST_ALL_FAILPOINTS=1 ./marquee test int --files tests/int/batch
  const all = ['read', 'judged', 'trained', 'snapshot_half', 'snapshot', 'loading', 'loaded'];
  const some = ['loading'];
  const points = readEnvironment()['MARQUEE_TEST_ALL_FAILPOINTS'] === undefined ? some : all;
  test.each(points)('killed at %s it leaves what serves alone', async (point) => {
    const before = await lists(second.version);
    const { code, stderr } = await batch([], { MARQUEE_BATCH_FAILPOINT: point });
    expect([code, stderr]).toEqual([1, expect.stringContaining('MARQUEE_BATCH_FAILED')]);
    expect(await lastRun()).toContain('running');
    expect(await serving()).toEqual([`(${second.version})`]);
    expect(await lists(second.version)).toEqual(before);
  });

  const rare = test.skipIf(points === some);
  rare('told to stop it says so, and is logged as failed', async () => {
    const { code, stderr } = await batch([], { MARQUEE_BATCH_FAILPOINT: 'trained=stop' });
    expect([code, stderr]).toEqual([1, expect.stringContaining('exit code 143')]);
    expect(await lastRun()).toMatch(/failed.*told to stop/);
    expect(await serving()).toEqual([`(${second.version})`]);
  });

  rare('told to stop once it is promoted it serves, and is logged so', async () => {
    const { code } = await batch([], { MARQUEE_BATCH_FAILPOINT: 'promoted=stop' });
    expect(code).toBe(1);
    expect(await lastRun()).toContain('promoted');
    expect(await serving()).not.toEqual([`(${second.version})`]);
    expect((await marquee(['model', 'rollback'])).code).toBe(0);
    expect(await serving()).toEqual([`(${second.version})`]);
  });

  /** A run under way: begun, or in the long form with its models judged, so that training goes on. */
  async function startRun(): Promise<{ readonly running: Promise<CliResult> }> {
    const [last] = await rows('SELECT max(run_id) FROM model_performance_logs');
    const running = batch();
    const far = points === some ? 'true' : 'judged_users IS NOT NULL';
    await until('the run to be under way', 300_000, async () => {
      const found = await rows(`SELECT FROM model_performance_logs
         WHERE run_id > ${String(last).slice(1, -1)} AND ${far}`);
      return found.length > 0;
    });
    return { running };
  }

  test('a store that goes away in the middle is named, and what serves goes on', async () => {
    const { running } = await startRun();
    await environment.stack.kill('object-store', 'SIGKILL');
    try {
      const { code, stderr } = await running;
      expect([code, stderr]).toEqual([1, expect.stringContaining('MARQUEE_STORE_UNAVAILABLE')]);
      expect(await lastRun()).toMatch(/failed.*MARQUEE_STORE_UNAVAILABLE/);
      expect(await serving()).toEqual([`(${second.version})`]);
    } finally {
      await environment.stack.start('object-store');
    }
  });

  /** Takes objects of a snapshot away, so that it cannot be loaded. */
  async function damage(version: string): Promise<void> {
    for (const lost of ['als/VERSION/user_factors/', 'als/VERSION/item_factors.parquet']) {
      const prefix = `models/${lost.replace('VERSION', version)}`;
      for await (const { name } of store.list(prefix)) await store.remove([name]);
      const { code, stderr } = await marquee(['model', 'load', version]);
      expect([code, stderr]).toEqual([1, expect.stringContaining('MARQUEE_MODEL_DAMAGED')]);
    }
  }

  test('a corrupt object is named, and left out when told so; the run after kills works', async () => {
    const [line] = await rows('SELECT path FROM archive_manifest ORDER BY bytes DESC LIMIT 1');
    const path = String(line).slice(1, -1).replaceAll('"', '');
    const whole = await store.get(path);
    const broken = Buffer.from(whole);
    broken[broken.length >> 1] = (broken[broken.length >> 1] ?? 0) ^ 1;
    await store.put(path, broken);
    try {
      const refused = await batch();
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/MARQUEE_ARCHIVE_CORRUPT/);
      expect(refused.stderr).toContain(path);
      expect(await serving()).toEqual([`(${second.version})`]);
      expect(
        await rows(`SELECT count(*) FROM model_performance_logs WHERE status = 'running'`),
      ).toEqual(['(0)']);
      const few = ['--set', 'keep.versions=2'];
      const skipped = await run('--skip-corrupt', '--no-promote', ...few);
      expect(skipped).toMatchObject({
        status: 'ready',
        skipped: { [path]: expect.stringContaining('SHA-256') as unknown },
      });
      expect(skipped.events).toBeLessThan(events);
      expect(await serving()).toEqual([`(${second.version})`]);
      // What serves and where a rollback goes stay loaded.
      expect(await rows('SELECT model_version FROM model_versions ORDER BY 1')).toEqual(
        [first, second].map(({ version }) => `(${version})`),
      );
      await damage(skipped.version);
    } finally {
      await store.put(path, Buffer.from(whole));
    }
    expect(await rows('SELECT stray_models()')).toEqual([]);
    expect(leftFolders()).toEqual([]);
  });

  test('Postgres that goes away in the middle is named, and what serves goes on', async () => {
    const { running } = await startRun();
    await environment.stack.kill('postgres', 'SIGKILL');
    await environment.stack.start('postgres');
    const { code, stderr } = await running;
    expect([code, stderr]).toEqual([1, expect.stringContaining('MARQUEE_PG_UNAVAILABLE')]);
    const listed = await marquee(['model', 'ls', '--json']);
    const [last] = JSON.parse(listed.stdout) as { status: string; reason: string }[];
    expect(last).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('MARQUEE_PG_UNAVAILABLE') as unknown,
    });
    expect((await marquee(['model', 'show'])).stdout).toContain(second.version);
  });
});
