import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { withAdmin } from '../../../connectors/kafka/admin.ts';
import { openObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import { openSession } from '../../../connectors/postgres/session.ts';
import { audit } from '../../../archive/audit/audit.ts';
import type { AuditFinding } from '../../../archive/audit/report.ts';
import { decodeFile } from '../../../archive/format/decode.ts';
import { runArchive } from '../../../archive/ingest/run.ts';
import type { ArchiveContext } from '../../../archive/context.ts';
import { setRetention } from '../../support/topic-retention.ts';
import { makeWave, type Wave } from '../../support/streams/actions.ts';
import { startEnvironment, type Environment } from '../../support/streams/environment.ts';
import { applyWaves, archiveContextOf } from './context.ts';
import { awayAtFirst } from './fixtures.ts';
import { HOUR_MS } from '../../../common/time.ts';

const SEED = 4_711;
/** Hours ago at which the waves were received. The first three have left the window. */
const AGES = [80, 70, 60, 30, 1];
const OLD = 3;

let env: Environment;
let store: ObjectStore;
const waves: Wave[] = [];

beforeAll(async () => {
  env = await startEnvironment({ times: 'CreateTime', objectStore: true });
  store = openObjectStore(env.config.objectStore);
  waves.push(...(await applyWaves(env, AGES, { seed: SEED, count: 600 })));
}, 600_000);
afterAll(async () => {
  store.close();
  await env.close();
});

const context = (over: Partial<ArchiveContext> = {}) => archiveContextOf(env, store, over);

async function findings(): Promise<readonly AuditFinding[]> {
  const session = await openSession({
    url: env.config.postgres.readerUrl,
    applicationName: 'test-audit',
  });
  try {
    return (await audit(session, { from: null, to: null, store })).findings;
  } finally {
    await session.close();
  }
}

/** Name and SHA-256 of each object in the store. */
async function objects(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const { name } of store.list('archived-events/'))
    found.set(
      name,
      createHash('sha256')
        .update(await store.get(name))
        .digest('hex'),
    );
  return found;
}

const stopAt = (point: string) => (name: string) => {
  if (name === point) throw new Error(`stopped at ${point}`);
};

const sumOf = (of: readonly Wave[], key: 'distinct' | 'resent' | 'tooLate' | 'bad') =>
  of.reduce((sum, wave) => sum + wave[key], 0);

describe('a run', () => {
  test('stopped at each point and run again copies what left the window, with the same objects', async () => {
    for (const point of ['archive_before_plan', 'archive_before_upload'])
      await expect(runArchive(context({ failpoint: stopAt(point) }), null)).rejects.toThrow(point);
    await expect(
      runArchive(context({ failpoint: stopAt('archive_verified') }), null),
    ).rejects.toThrow('archive_verified');
    const uploaded = await objects();
    expect(uploaded.size).toBeGreaterThan(0);
    expect(await env.db.query('SELECT FROM archive_files')).toEqual([]);
    await expect(
      runArchive(context({ failpoint: stopAt('archive_before_drop') }), null),
    ).rejects.toThrow('archive_before_drop');
    const all = await objects();
    for (const [name, sha] of uploaded) expect([name, all.get(name)]).toEqual([name, sha]);

    const before = await env.db.query<{ n: number }>(
      'SELECT count(*) AS n FROM rt_user_interactions',
    );
    const report = await runArchive(context(), null);
    expect(report.drop.held).toEqual([]);
    const old = waves.slice(0, OLD);
    const [archived] = await env.db.query<{ rows: number; dead: number }>(
      'SELECT sum(rows)::int AS rows, sum(dead)::int AS dead FROM archive_ranges',
    );
    expect(archived).toEqual({
      rows: sumOf(old, 'distinct') + sumOf(old, 'resent') + sumOf(old, 'tooLate'),
      dead: sumOf(old, 'bad'),
    });
    expect(report.drop.dropped.length).toBeGreaterThan(10);
    const [after] = await env.db.query<{ n: number; oldest: Date }>(
      'SELECT count(*) AS n, min(occurred_at) AS oldest FROM rt_user_interactions',
    );
    expect(after?.n).toBeLessThan(before[0]?.n ?? 0);
    expect(after?.n).toBeGreaterThanOrEqual(sumOf(waves.slice(OLD), 'distinct'));
    // An hour whose end is within the window is whole.
    expect(after?.oldest.getTime()).toBeGreaterThan(Date.now() - 49 * HOUR_MS - 30 * HOUR_MS);
    expect(await findings()).toEqual([]);
  });

  test('has each event that left the hot table in a file of its date', async () => {
    const files = await env.db.query<{ path: string; date: string; rows: number }>(
      'SELECT path, date::text, rows FROM archive_files WHERE replaced_at IS NULL',
    );
    const ids = new Set<string>();
    for (const file of files) {
      const { events } = decodeFile(await store.get(file.path));
      expect(events.rows).toBe(file.rows);
      expect(file.path).toContain(`date=${file.date}/user-actions.v1-`);
      const [id] = events.columns;
      for (let i = 0; i < events.rows; i++)
        if (id !== undefined && 'bytes' in id)
          ids.add(Buffer.from(id.bytes.subarray(i * 16, i * 16 + 16)).toString('hex'));
    }
    expect(ids.size).toBe(
      sumOf(waves.slice(0, OLD), 'distinct') + sumOf(waves.slice(0, OLD), 'tooLate'),
    );
  });

  test('with nothing new leaves everything as it is', async () => {
    const before = await objects();
    const report = await runArchive(context(), null);
    expect(report).toMatchObject({ rows: 0, files: 0, resumed: false });
    expect(await objects()).toEqual(before);
  });

  test('beside another says so and leaves', async () => {
    const session = await openSession({
      url: env.config.postgres.writerUrl,
      applicationName: 'test-lock',
    });
    await session.query(`SELECT pg_advisory_lock(hashtextextended('marquee.archive', 0))`);
    await expect(runArchive(context(), null)).rejects.toMatchObject({
      code: 'MARQUEE_ARCHIVE_BUSY',
    });
    await session.close();
  });

  test('refuses a topic that does not keep records for long enough, with all values', async () => {
    await setRetention(env.config.kafka.brokers, 'user-actions.v1', 100 * HOUR_MS);
    try {
      await expect(runArchive(context(), null)).rejects.toThrow(/100 h .*48 h.*24 h.*48 h.*120 h/);
    } finally {
      await setRetention(env.config.kafka.brokers, 'user-actions.v1', -1);
    }
  });

  test('up to now copies what is inside the window too, and drops nothing of it', async () => {
    const before = await env.db.query('SELECT count(*) AS n FROM rt_user_interactions');
    const report = await runArchive(context(), Date.now());
    expect(report.rows).toBeGreaterThan(0);
    expect(report.drop.dropped).toEqual([]);
    expect(await env.db.query('SELECT count(*) AS n FROM rt_user_interactions')).toEqual(before);
    expect(await findings()).toEqual([]);
  });
});

describe('a topic of which retention removed what is archived', () => {
  test('is read on from the first record that is not', async () => {
    const positions = await env.db.query<{ partition: number; next: number }>(
      `SELECT partition, next_offset AS next FROM stream_offsets
        WHERE processor = 'archive' AND topic = 'user-actions.v1'`,
    );
    await withAdmin({ brokers: env.config.kafka.brokers }, async (admin) => {
      // kafkajs finds the partitions' leaders only in metadata that it has already.
      await admin.fetchTopicOffsets('user-actions.v1');
      await admin.deleteTopicRecords({
        topic: 'user-actions.v1',
        partitions: positions.map(({ partition, next }) => ({ partition, offset: String(next) })),
      });
    });
    const wave = await makeWave(env.codec, { seed: SEED + 9, count: 120, nowMs: Date.now() });
    await env.send('user-actions.v1', wave.records);
    const report = await runArchive(context(), Date.now());
    expect(report.rows).toBe(wave.distinct + wave.resent + wave.tooLate);
  });
});

describe('a store that gives back something else', () => {
  test('stops the run before anything is recorded, and the next run finishes the plan', async () => {
    const wave = await makeWave(env.codec, { seed: SEED, count: 150, nowMs: Date.now() });
    await env.send('user-actions.v1', wave.records);
    const recorded = () => env.db.query('SELECT * FROM archive_files ORDER BY path');
    const before = await recorded();
    const lying: ObjectStore = {
      ...store,
      async get(name) {
        const body = Buffer.from(await store.get(name));
        body[40] = (body[40] ?? 0) ^ 1;
        return body;
      },
    };
    await expect(runArchive(context({ store: lying }), Date.now())).rejects.toMatchObject({
      code: 'MARQUEE_ARCHIVE_MISMATCH',
      message: expect.stringMatching(
        /date=.*user-actions\.v1-\d-\d+-\d+\.parquet.*SHA-256/,
      ) as string,
    });
    expect(await recorded()).toEqual(before);
    const report = await runArchive(context(), Date.now());
    expect(report.resumed).toBe(true);
    expect(report.rows).toBeGreaterThan(150);
  });

  test('that is away for a while is tried again', async () => {
    const wave = await makeWave(env.codec, { seed: SEED + 1, count: 50, nowMs: Date.now() });
    await env.send('user-actions.v1', wave.records);
    const away = awayAtFirst(store, 2);
    const report = await runArchive(context({ store: away.store }), Date.now());
    expect(report.rows).toBeGreaterThanOrEqual(50);
    expect(away.left()).toBe(0);
  });
});

describe('the audit finds', () => {
  let found: readonly AuditFinding[];
  const checks = () => [...new Set(found.map(({ check }) => check))];
  beforeEach(() => {
    found = [];
  });

  async function whileChanged(change: string, undo: string): Promise<void> {
    await env.admin.execute(
      'CREATE TABLE IF NOT EXISTS public.kept (LIKE marquee.rt_user_interactions)',
    );
    await env.admin.execute('TRUNCATE public.kept');
    await env.admin.execute(change);
    try {
      found = await findings();
    } finally {
      await env.admin.execute(undo);
    }
    expect(await findings()).toEqual([]);
  }

  test('a row deleted by hand', async () => {
    await whileChanged(
      `WITH gone AS (DELETE FROM marquee.rt_user_interactions WHERE event_id =
         (SELECT event_id FROM marquee.rt_user_interactions ORDER BY 1 DESC LIMIT 1) RETURNING *)
       INSERT INTO public.kept SELECT * FROM gone`,
      'INSERT INTO marquee.rt_user_interactions SELECT * FROM public.kept',
    );
    expect(checks()).toEqual(['hot table against ledger']);
    expect(found[0]?.place).toMatch(/^user-actions\.v1\/\d \[\d+, \d+\)$/);
  });

  test('a row changed by hand', async () => {
    const one =
      'event_id = (SELECT event_id FROM marquee.rt_user_interactions ORDER BY 1 DESC LIMIT 1)';
    await whileChanged(
      `UPDATE marquee.rt_user_interactions SET app = app || '!' WHERE ${one}`,
      `UPDATE marquee.rt_user_interactions SET app = rtrim(app, '!') WHERE ${one}`,
    );
    expect(found).toMatchObject([{ detail: 'a row was changed after it was applied' }]);
  });

  test('a dead letter removed', async () => {
    await env.admin.execute(
      'CREATE TABLE public.kept_letters AS TABLE marquee.dead_letters WITH NO DATA',
    );
    await whileChanged(
      `WITH gone AS (DELETE FROM marquee.dead_letters WHERE ctid =
         (SELECT ctid FROM marquee.dead_letters LIMIT 1) RETURNING *)
       INSERT INTO public.kept_letters SELECT * FROM gone`,
      'INSERT INTO marquee.dead_letters OVERRIDING SYSTEM VALUE SELECT * FROM public.kept_letters',
    );
    expect(checks()).toEqual(['dead letters against ledger']);
  });

  async function withObject(change: (path: string, other: string) => Promise<void>): Promise<void> {
    const [one, two] = await env.db.query<{ path: string }>(
      'SELECT path FROM archive_files WHERE replaced_at IS NULL ORDER BY path',
    );
    const path = one?.path ?? '';
    const kept = await store.get(path);
    await change(path, two?.path ?? '');
    try {
      found = await findings();
    } finally {
      await store.put(path, kept);
    }
    expect(found.map(({ check, place }) => [check, place])).toEqual([['objects', path]]);
    expect(await findings()).toEqual([]);
  }

  test('an object truncated', async () => {
    await withObject(async (path) => store.put(path, (await store.get(path)).subarray(0, 100)));
    expect(found[0]?.detail).toMatch(/^100 bytes/);
  });
  test('an object deleted', async () => {
    await withObject((path) => store.remove([path]));
    expect(found[0]?.detail).toBe('the object is gone');
  });
  test('an object swapped for another one', async () => {
    await withObject(async (path, other) => store.put(path, await store.get(other)));
  });
  test('a single byte changed', async () => {
    await withObject(async (path) => {
      const body = Buffer.from(await store.get(path));
      const at = body.length >> 1;
      body[at] = (body[at] ?? 0) ^ 1;
      await store.put(path, body);
    });
  });
});
