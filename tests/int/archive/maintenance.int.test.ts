import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import { openSession } from '../../../connectors/postgres/session.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { audit } from '../../../archive/audit/audit.ts';
import { compactArchive } from '../../../archive/maintenance/compact.ts';
import { expireFiles } from '../../../archive/maintenance/expire.ts';
import { decodeFile } from '../../../archive/format/decode.ts';
import { runArchive } from '../../../archive/ingest/run.ts';
import type { ArchiveContext } from '../../../archive/context.ts';
import { DEFAULT_ARCHIVE } from '../../../archive/settings.ts';
import { removeOrphans } from '../../../archive/maintenance/remove-orphans.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { makeWave } from '../../support/streams/actions.ts';
import { startEnvironment, type Environment } from '../../support/streams/environment.ts';
import { archiveContextOf } from './context.ts';
import { HOUR_MS } from '../../../common/time.ts';

const SEED = 90_125;
const interactions = PROCESSORS['interactions'] as Processor;

let env: Environment;
let store: ObjectStore;
let session: Session;

beforeAll(async () => {
  env = await startEnvironment({ times: 'CreateTime', objectStore: true });
  store = openObjectStore(env.config.objectStore);
  session = await openSession({
    url: env.config.postgres.writerUrl,
    applicationName: 'test-maintenance',
  });
  const running = await env.run([interactions]);
  await send(80, 900);
  await send(56, 900);
  await env.caughtUp([interactions]);
  await running.stop();
  await runArchive(context(), Date.now());
}, 600_000);
afterAll(async () => {
  await session.close();
  store.close();
  await env.close();
});

let waves = 0;
async function send(hoursAgo: number, count: number): Promise<void> {
  const wave = await makeWave(env.codec, {
    seed: SEED + waves++,
    count,
    nowMs: Date.now() - hoursAgo * HOUR_MS,
    stamped: true,
  });
  await env.send('user-actions.v1', wave.records);
}

const context = (over: Partial<ArchiveContext> = {}) => archiveContextOf(env, store, over);

const stopAt = (point: string) => (name: string) => {
  if (name === point) throw new Error(`stopped at ${point}`);
};

async function findings() {
  const { readerUrl } = env.config.postgres;
  const reader = await openSession({ url: readerUrl, applicationName: 'test-audit' });
  try {
    return (await audit(reader, { from: null, to: null, store })).findings;
  } finally {
    await reader.close();
  }
}

interface ListedFile extends Record<string, unknown> {
  readonly path: string;
  readonly date: string;
  readonly rows: number;
  readonly generation: number;
  readonly duplicates_removed: number;
}
const manifest = () =>
  env.db.query<ListedFile>(
    `SELECT path, date::text, rows, generation, duplicates_removed
       FROM archive_files WHERE replaced_at IS NULL ORDER BY path`,
  );

/** Ids of all rows of all listed files, a resend once for each time. */
async function idsOf(files: readonly ListedFile[]): Promise<string[]> {
  const ids: string[] = [];
  for (const { path } of files) {
    const { events } = decodeFile(await store.get(path));
    const [column] = events.columns;
    if (column === undefined || !('bytes' in column)) throw new Error('no ids');
    for (let i = 0; i < events.rows; i++)
      ids.push(Buffer.from(column.bytes.subarray(i * 16, i * 16 + 16)).toString('hex'));
  }
  return ids;
}

async function names(): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.list(DEFAULT_ARCHIVE.prefix)) found.push(name);
  return found.toSorted();
}

async function shaOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await store.get(path))
    .digest('hex');
}

describe('compaction', () => {
  test('stopped at each point and run again gives one file a date, with each event once', async () => {
    const before = await manifest();
    const ids = await idsOf(before);
    const distinct = new Set(ids).size;
    expect(before.length).toBeGreaterThan(10);
    expect(ids.length).toBeGreaterThan(distinct);

    for (const point of ['archive_merge_written', 'archive_merge_uploaded']) {
      const stopped = compactArchive(context({ failpoint: stopAt(point) }), { filesMin: 2 });
      await expect(stopped).rejects.toThrow(point);
      expect(await manifest()).toEqual(before);
      expect(await findings()).toEqual([]);
    }
    const [merge] = await env.db.query<{ id: number; date: string }>(
      'SELECT id, date::text FROM archive_merges',
    );
    const name = `user-actions.v1-merged-${merge?.id}.parquet`;
    const object = `archived-events/date=${merge?.date}/${name}`;
    const sha = await shaOf(object);

    const report = await compactArchive(context(), { filesMin: 2 });
    expect(await shaOf(object)).toBe(sha);
    const after = await manifest();
    expect(report).toMatchObject({ merges: after.length, filesBefore: before.length });
    expect(after.map(({ date }) => date)).toEqual([...new Set(before.map(({ date }) => date))]);
    const merged = await idsOf(after);
    expect(new Set(merged).size).toBe(merged.length);
    expect(merged.toSorted()).toEqual([...new Set(ids)].toSorted());
    expect(report.duplicatesRemoved).toBe(ids.length - distinct);
    expect(await findings()).toEqual([]);
    expect(await env.db.query('SELECT FROM archive_merges')).toEqual([]);
  });

  test('goes on with what came later, and keeps what it replaced for the grace time', async () => {
    await send(1, 400);
    await runArchive(context(), Date.now());
    const kept = await names();
    const settings = { ...DEFAULT_ARCHIVE };
    expect(await removeOrphans(session, store, settings, { dryRun: false })).toEqual([]);
    expect(await names()).toEqual(kept);
    const report = await compactArchive(context(), { filesMin: 2 });
    expect(report.merges).toBeGreaterThan(0);
    expect(await findings()).toEqual([]);
  });

  test('with a changed input names it, and replaces nothing', async () => {
    await send(1, 300);
    await runArchive(context(), Date.now());
    const before = await manifest();
    const path = before.find(({ generation }) => generation === 0)?.path ?? '';
    const body = await store.get(path);
    await store.put(path, Buffer.concat([body, Buffer.from('x')]));
    await expect(compactArchive(context(), { filesMin: 2 })).rejects.toMatchObject({
      code: 'MARQUEE_ARCHIVE_MISMATCH',
      message: expect.stringContaining(path) as string,
    });
    expect(await manifest()).toEqual(before);
    await store.put(path, body);
    await compactArchive(context(), { filesMin: 2 });
    expect(await findings()).toEqual([]);
  });

  test('beside a run says so and leaves', async () => {
    const other = await openSession({
      url: env.config.postgres.writerUrl,
      applicationName: 'test-lock',
    });
    await other.query(`SELECT pg_advisory_lock(hashtextextended('marquee.archive', 0))`);
    await expect(compactArchive(context(), { filesMin: 2 })).rejects.toMatchObject({
      code: 'MARQUEE_ARCHIVE_BUSY',
    });
    await other.close();
  });
});

describe('removing orphans', () => {
  const settings = { prefix: DEFAULT_ARCHIVE.prefix, graceMs: 0 };

  test('removes replaced objects and orphans, and says so first', async () => {
    const folder = `${DEFAULT_ARCHIVE.prefix}date=2026-01-01`;
    const orphan = `${folder}/user-actions.v1-0-0-5.parquet`;
    // At offsets that the archive has not passed: a rerun of a plan would write it again.
    const coming = `${folder}/user-actions.v1-0-9000000-9000005.parquet`;
    for (const name of [orphan, coming]) await store.put(name, Buffer.from('left behind'));
    const there = await names();
    const would = await removeOrphans(session, store, settings, { dryRun: true });
    expect(await names()).toEqual(there);
    const removed = await removeOrphans(session, store, settings, { dryRun: false });
    expect(removed).toEqual(would);
    expect(removed.filter(({ why }) => why === 'orphan').map(({ path }) => path)).toEqual([orphan]);
    expect(removed.some(({ why }) => why === 'replaced')).toBe(true);
    const listed = (await manifest()).map(({ path }) => path);
    expect(await names()).toEqual([...listed, coming].toSorted());
    await store.remove([coming]);
    expect(await findings()).toEqual([]);
    expect(await removeOrphans(session, store, settings, { dryRun: false })).toEqual([]);
  });
});

describe('retention', () => {
  test('takes out what was archived long ago, shows it first, and leaves the audit balanced', async () => {
    const before = await manifest();
    const [old] = before;
    await env.admin.execute(
      `UPDATE marquee.archive_files SET archived_at = now() - interval '41 days'
        WHERE path = '${old?.path ?? ''}'`,
    );
    const options = { keepDays: 40 };
    const would = await expireFiles(session, { ...options, dryRun: true });
    expect(would.map(({ path }) => path)).toEqual([old?.path]);
    expect(await manifest()).toEqual(before);
    expect(await expireFiles(session, { ...options, dryRun: false })).toEqual(would);
    expect((await manifest()).length).toBe(before.length - 1);
    expect(await findings()).toEqual([]);
    // The object stays for readers that are at it, then goes.
    const kept = { prefix: DEFAULT_ARCHIVE.prefix, graceMs: HOUR_MS };
    expect(await removeOrphans(session, store, kept, { dryRun: false })).toEqual([]);
    const removed = await removeOrphans(session, store, { ...kept, graceMs: 0 }, { dryRun: false });
    expect(removed).toMatchObject([{ path: old?.path, why: 'expired' }]);
    expect(await names()).not.toContain(old?.path);
    expect(await findings()).toEqual([]);
  });

  test('a file taken out of the list by hand is found, also by its checksums', async () => {
    const [one] = await manifest();
    const path = one?.path ?? '';
    await env.admin.execute(
      `UPDATE marquee.archive_files SET id_sum = id_sum + 1 WHERE path = '${path}'`,
    );
    expect(await findings()).toMatchObject([
      {
        check: 'the manifest holds the ranges',
        detail: expect.stringContaining('other ones') as string,
      },
    ]);
    await env.admin.execute(
      `UPDATE marquee.archive_files SET id_sum = id_sum - 1 WHERE path = '${path}'`,
    );
    expect(await findings()).toEqual([]);
  });
});
