import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withAdmin } from '../../../connectors/kafka/admin.ts';
import { openObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import { compactArchive } from '../../../archive/maintenance/compact.ts';
import { processorsOf, rebuild } from '../../../archive/rebuild/rebuild.ts';
import type { RebuildOptions } from '../../../archive/rebuild/rebuild.ts';
import { runArchive } from '../../../archive/ingest/run.ts';
import { DEFAULT_ARCHIVE } from '../../../archive/settings.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { replay } from '../../../streams/replay/replay.ts';
import { makeMovies, makeServes, makeWave, type Wave } from '../../support/streams/actions.ts';
import { quiet, startEnvironment, type Environment } from '../../support/streams/environment.ts';
import {
  differing,
  expectEqual,
  expectRefused,
  inAnotherPartition,
  putRatings,
} from './fixtures.ts';
import { HOUR_MS, MINUTE_MS } from '../../../common/time.ts';

const TOPIC = 'user-actions.v1';
const SEED = 8_800;
const thisHour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const hoursAgo = (hours: number) => thisHour - hours * HOUR_MS + MINUTE_MS;
/** Hours ago at which the waves were received; the first three are archived. */
const AGES = [80, 70, 50, 30, 1];

const named = (name: string) => PROCESSORS[name] as Processor;
const interactions = named('interactions');
const profiles = named('profiles');
const feedback = named('feedback');
const all = [interactions, profiles, feedback];
const others = [named('serve-logs'), named('movies')];

let env: Environment;
let store: ObjectStore;
const waves: Wave[] = [];

async function sendWave(hours: number, count = 600): Promise<Wave> {
  const wave = await makeWave(env.codec, {
    seed: SEED + waves.length,
    count,
    nowMs: hoursAgo(hours),
    stamped: true,
  });
  await env.send(TOPIC, inAnotherPartition(wave.records, waves.length));
  waves.push(wave);
  return wave;
}

beforeAll(async () => {
  env = await startEnvironment({ times: 'CreateTime', objectStore: true });
  store = openObjectStore(env.config.objectStore);
  const running = await env.run([...all, ...others]);
  for (const [n, age] of AGES.entries()) {
    await sendWave(age);
    // Events that are archived by then, sent again: some are too late to be resends.
    if (age === 30) await resend(n - 1, age);
  }
  await env.send('recommendation-serves.v1', await makeServes(env.codec, 200, Date.now()));
  await env.send('movies.v1', await makeMovies(env.codec, 30, Date.now()));
  await env.caughtUp([...all, ...others]);
  await running.stop();
  await env.admin.execute('UPDATE marquee.stream_offsets SET as_of = now()');
  // Ids are kept as long as a resend can come, so a rebuild itself must leave out older ones.
  await env.db.query(
    `SELECT drop_partitions_before('profiles_event_ids', now() - interval '40 hours', false)`,
  );
  await runArchive(archiving(), null);
}, 600_000);
afterAll(async () => {
  store.close();
  await env.close();
});

async function resend(wave: number, hours: number): Promise<void> {
  const again = (waves[wave]?.records.slice(0, 200) ?? []).filter(({ value }) => value !== null);
  await env.send(
    TOPIC,
    inAnotherPartition(again, wave).map((record) => ({ ...record, timestamp: hoursAgo(hours) })),
  );
}

const archiving = () => ({
  ...options(),
  store,
  settings: { ...DEFAULT_ARCHIVE, graceMs: 0, rowsMax: 100 },
  runtime: env.settings,
  failpoint: () => undefined,
});

const options = () => ({
  brokers: env.config.kafka.brokers,
  kafkaClient: 'kafkajs' as const,
  registryUrl: env.config.registry.url,
  postgresUrl: env.config.postgres.writerUrl,
  settings: env.settings,
  log: quiet,
  mode: 'compare' as const,
});

const rebuilt = (processor: Processor, over: Partial<RebuildOptions> = {}) =>
  rebuild({ ...options(), processor, store, ...over });

const replayed = (processor: Processor) =>
  replay({ ...options(), processor, from: { kind: 'earliest' } });

async function one<T>(sql: string, values: readonly unknown[] = []): Promise<T> {
  const [row] = await env.admin.query<{ value: T }>(sql, values);
  return row?.value as T;
}

const copies = () =>
  env.admin.query(
    `SELECT relname FROM pg_class
     WHERE relnamespace = 'marquee_replay'::regnamespace AND relkind IN ('r', 'p')`,
  );
const breaks = () => env.admin.query('SELECT * FROM marquee.ledger_breaks');
const countedEvents = (schema = 'marquee') =>
  one<number>(`SELECT sum(total_interactions)::bigint AS value FROM ${schema}.user_profiles`);

describe('a rebuild', () => {
  it.each(['interactions', 'profiles', 'feedback'])(
    'of what %s makes equals the living tables, however batches are cut',
    async (name) => {
      const report = await rebuilt(named(name));
      expectEqual(report);
      expect(report.archive?.applied.get(TOPIC)).toBeGreaterThan(name === 'interactions' ? 0 : 200);
      expect(report.archive?.resends).toBeGreaterThan(0);
      expect(report.starts.some(({ from }) => from > 0)).toBe(true);
      for (const { partition, from } of report.starts)
        expect(report.positions.get(partition)).toBeGreaterThan(from);
      expectEqual(await rebuilt({ ...named(name), batchRowsMax: 37 }));
      expect(await copies()).toEqual([]);
    },
    120_000,
  );

  it('needs nothing of the log that is archived', async () => {
    const starts = (await rebuilt(profiles)).starts;
    await withAdmin({ brokers: env.config.kafka.brokers }, async (admin) => {
      await admin.fetchTopicMetadata({ topics: [TOPIC] });
      await admin.deleteTopicRecords({
        topic: TOPIC,
        // The archive itself knows the log again by the last record that it holds.
        partitions: starts.map(({ partition, from }) => ({
          partition,
          offset: String(Math.max(0, from - 1)),
        })),
      });
    });
    await expect(replayed(profiles)).rejects.toMatchObject({
      code: 'MARQUEE_REPLAY_REFUSED',
    });
    for (const processor of all) expectEqual(await rebuilt(processor));
  }, 120_000);

  it('reads files that were merged', async () => {
    const { merges, duplicatesRemoved } = await compactArchive(archiving(), { filesMin: 2 });
    expect(merges).toBeGreaterThan(1);
    expect(duplicatesRemoved).toBeGreaterThan(0);
    for (const processor of all) expectEqual(await rebuilt(processor));
  }, 120_000);

  it('finds a row that was changed by hand', async () => {
    const change = (by: number) =>
      env.admin.execute(
        `UPDATE marquee.user_profiles SET likes = likes + $1 WHERE user_id = 'user-1'`,
        [by],
      );
    await change(1);
    const report = await rebuilt(profiles);
    await change(-1);
    expect(differing(report)).toMatchObject([
      {
        table: 'user_profiles',
        onlyLeft: 1,
        onlyRight: 1,
        samples: [
          { side: 'left', row: { user_id: 'user-1' } },
          { side: 'right', row: { user_id: 'user-1' } },
        ],
      },
    ]);
  }, 60_000);

  it('stays beside the living tables without another word, and the next one begins anew', async () => {
    const before = await countedEvents();
    const report = await rebuilt(profiles, { mode: 'build' });
    expect(report.swapped).toBe(false);
    expect(await countedEvents('marquee_replay')).toBe(before);
    await env.admin.execute('UPDATE marquee_replay.user_profiles SET total_interactions = 1');
    expectEqual(await rebuilt(profiles));
    expect(await copies()).toEqual([]);
  }, 60_000);

  it('makes tables whose topic is not archived from the log, and says so', async () => {
    for (const processor of others) {
      const report = await rebuilt(processor);
      expectEqual(report);
      expect(report.archive).toBeNull();
    }
  }, 60_000);
});

describe('a rebuild as of an earlier time', () => {
  it('holds what was received before, from the archive or the log', async () => {
    for (const [count, hours] of [
      [2, 60],
      [4, 10],
    ] as const) {
      await rebuilt(profiles, { mode: 'build', until: hoursAgo(hours) });
      const expected = waves.slice(0, count).reduce((sum, wave) => sum + wave.distinct, 0);
      expect(await countedEvents('marquee_replay')).toBe(expected);
    }
    const rows = await rebuilt(interactions, { until: hoursAgo(10) });
    expect(rows.comparisons.map(({ table }) => table)).toEqual(['rt_user_interactions']);
    expectEqual(rows);
  }, 60_000);

  it('is neither swapped nor, where all is summed up, compared', async () => {
    const until = hoursAgo(10);
    await expectRefused(rebuilt(profiles, { until, mode: 'swap' }), 'earlier time');
    await expectRefused(rebuilt(profiles, { until }), 'hold sums');
    await expectRefused(rebuilt(others[0] as Processor, { until }), 'is not archived');
  });
});

describe('a swap', () => {
  it('happens under live traffic, and resends change nothing afterwards', async () => {
    const live = await env.run(all);
    for (const processor of all) {
      const table = processor.tables[0];
      const before = await one('SELECT $1::regclass::oid AS value', [`marquee.${String(table)}`]);
      await sendWave(1, 200);
      const report = await rebuilt(processor, { mode: 'swap' });
      expect(report.swapped).toBe(true);
      expect(differing(report)).toEqual([]);
      expect(await one('SELECT $1::regclass::oid AS value', [`marquee.${String(table)}`])).not.toBe(
        before,
      );
    }
    await env.caughtUp(all);
    const counted = await countedEvents();
    const rows = await one('SELECT count(*) AS value FROM marquee.rt_user_interactions');
    await resend(AGES.indexOf(30), 1);
    await resend(AGES.indexOf(1), 1);
    await env.caughtUp(all);
    await live.stop();
    expect(await countedEvents()).toBe(counted);
    expect(await one('SELECT count(*) AS value FROM marquee.rt_user_interactions')).toBe(rows);
    expect(counted).toBe(waves.reduce((sum, wave) => sum + wave.distinct, 0));
    expect(await breaks()).toEqual([]);
    for (const processor of all) expectEqual(await rebuilt(processor));
    expect(env.errors).toEqual([]);
  }, 180_000);
});

describe('when all is archived', () => {
  it('a rebuild asks nothing of the log, and live goes on from there', async () => {
    await runArchive(archiving(), Date.now());
    for (const processor of all) {
      const report = await rebuilt(processor);
      expectEqual(report);
      expect(report.starts.every(({ kept }) => kept)).toBe(true);
    }
    await rebuilt(profiles, { mode: 'swap' });
    const live = await env.run(all);
    await sendWave(1, 100);
    await env.caughtUp(all);
    await live.stop();
    expect(await breaks()).toEqual([]);
    expectEqual(await rebuilt(profiles));
  }, 120_000);
});

describe('backfilled history', () => {
  const SOURCE = 'backfill:0123456789abcdef';
  const DATES = ['1996-03-29', '2018-09-24'];
  const RATINGS = 40;

  beforeAll(async () => {
    for (const [n, date] of DATES.entries())
      await putRatings({
        store,
        db: env.db,
        topic: SOURCE,
        date,
        from: n * RATINGS,
        count: RATINGS,
      });
  });

  it('is left out of a comparison until it was swapped in', async () => {
    const before = await countedEvents();
    const compared = await rebuilt(profiles);
    expectEqual(compared);
    expect(compared.archive?.leftOut).toEqual([SOURCE]);
    const report = await rebuilt(profiles, { mode: 'swap' });
    expect(report.archive?.applied.get(SOURCE)).toBe(DATES.length * RATINGS);
    expect(await countedEvents()).toBe(before + DATES.length * RATINGS);
    expect(
      await env.admin.query(
        `SELECT count(*) AS pairs, sum(weight_milli)::int AS weight, bool_and(seen) AS seen
         FROM marquee.user_history WHERE user_id LIKE 'past-%'`,
      ),
    ).toEqual([
      { pairs: DATES.length * RATINGS, weight: DATES.length * RATINGS * 4_000, seen: true },
    ]);
    // Of a time from which nothing can come again no ids are kept.
    const oldest = await one<Date>(
      `SELECT min(starts_at) AS value FROM marquee.partitions_of('marquee.profiles_event_ids')`,
    );
    expect(oldest.getTime()).toBeGreaterThan(hoursAgo(200));

    const after = await rebuilt(profiles);
    expectEqual(after);
    expect(after.archive?.leftOut).toEqual([]);
    expect(await breaks()).toEqual([]);
  }, 120_000);

  it('is not lost by a replay, which refuses, and leaves only when that is asked for', async () => {
    await expectRefused(replayed(profiles), SOURCE);
    expect(differing(await rebuilt(profiles, { backfills: 'none' })).length).toBeGreaterThan(0);
    await rebuilt(profiles, { mode: 'swap', backfills: 'none' });
    expectEqual(await rebuilt(profiles));
    expect(await one('SELECT count(*) AS value FROM marquee.applied_backfills')).toBe(0);
  }, 120_000);

  it('never enters tables whose rows say where their record stood', async () => {
    for (const processor of [interactions, feedback]) {
      const report = await rebuilt(processor, { backfills: 'all' });
      expectEqual(report);
      expect(report.archive?.leftOut).toEqual([SOURCE]);
    }
  }, 60_000);
});

describe('a rebuild that can not be', () => {
  it('stops at an object that is not the one that was recorded, and leaves nothing', async () => {
    const path = await one<string>(
      `SELECT path AS value FROM marquee.archive_files WHERE topic = $1 ORDER BY date LIMIT 1`,
      [TOPIC],
    );
    const kept = await store.get(path);
    const other = Buffer.from(kept);
    other[40] = (other[40] ?? 0) ^ 1;
    await store.put(path, other);
    try {
      await expect(rebuilt(profiles, { mode: 'swap' })).rejects.toMatchObject({
        code: 'MARQUEE_ARCHIVE_MISMATCH',
        message: expect.stringContaining(path) as string,
      });
    } finally {
      await store.put(path, kept);
    }
    expect(await copies()).toEqual([]);
    expectEqual(await rebuilt(profiles));
  }, 60_000);

  it('is refused where events are gone, but for tables that no longer hold them', async () => {
    const files = `archive_files SET (replaced_at, replaced_by)`;
    const [oldest] = await env.db.query<{ path: string }>(
      `UPDATE ${files} = (now(), path) WHERE path = (SELECT path FROM archive_files
         WHERE topic = $1 AND replaced_at IS NULL ORDER BY date LIMIT 1) RETURNING path`,
      [TOPIC],
    );
    await expectRefused(rebuilt(profiles), /\d+ of the events .* gone from the archive/);
    expectEqual(await rebuilt(interactions));
    await env.db.execute(`UPDATE ${files} = (NULL, NULL) WHERE path = $1`, [oldest?.path]);
    expectEqual(await rebuilt(profiles));
  }, 60_000);

  it('ends when it is asked to, and names what it does not know', async () => {
    const stopping = new AbortController();
    const ended = rebuilt(profiles, {
      mode: 'swap',
      signal: stopping.signal,
      onProgress: ({ phase }) => {
        if (phase === 'reading the archive') stopping.abort();
      },
    });
    await expect(ended).rejects.toMatchObject({ code: 'MARQUEE_REPLAY_CANCELLED' });
    expect(await copies()).toEqual([]);
    expect(() => processorsOf(['user_profiles', 'nothing'], Object.values(PROCESSORS))).toThrow(
      /nothing: no processor makes that; there are .*rt_user_interactions/,
    );
    expect(
      processorsOf(['user_history', 'user_profiles'], Object.values(PROCESSORS)).map((p) => p.name),
    ).toEqual(['profiles']);
  });
});
