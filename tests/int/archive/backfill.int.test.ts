import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archiveContext } from '../../../cli/archive/context.ts';
import { loadConfig } from '../../../cli/config/config.ts';
import { openHistories } from '../../../cli/import/history-files.ts';
import { createRejects } from '../../../cli/import/rejects.ts';
import { withAdmin } from '../../../connectors/kafka/admin.ts';
import { openObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import { openSession } from '../../../connectors/postgres/session.ts';
import { formatUuid, uuidTimeMs } from '../../../common/uuid.ts';
import { audit } from '../../../archive/audit/audit.ts';
import { backfill } from '../../../archive/backfill/backfill.ts';
import type { BackfillContext, BackfillReport } from '../../../archive/backfill/backfill.ts';
import { bytesColumn, numberColumn } from '../../../archive/format/columns.ts';
import { expireFiles } from '../../../archive/maintenance/expire.ts';
import { decodeFile } from '../../../archive/format/decode.ts';
import { removeOrphans } from '../../../archive/maintenance/remove-orphans.ts';
import { cliEnvironment, runCli } from '../../support/cli.ts';
import type { CliResult } from '../../support/cli.ts';
import { jsonLines, madeUpRatings } from '../../support/history.ts';
import { writeMovieLens } from '../../support/movielens.ts';
import type { MovieLensFolder } from '../../support/movielens.ts';
import { quiet, startEnvironment, type Environment } from '../../support/streams/environment.ts';
import { awayAtFirst } from './fixtures.ts';

const SEED = 1_996;
const DATES = 40;
const PER_DATE = 8;

let env: Environment;
let store: ObjectStore;
let folder: string;
let set: MovieLensFolder;

beforeAll(async () => {
  env = await startEnvironment({ objectStore: true });
  store = openObjectStore(env.config.objectStore);
  folder = mkdtempSync(join(tmpdir(), 'marquee-backfill-'));
  set = writeMovieLens(madeUpRatings(SEED, DATES, PER_DATE));
}, 600_000);
afterAll(async () => {
  set[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
  store.close();
  await env.close();
});

/** The command as an operator runs it, in a process of its own. */
function marquee(
  args: readonly string[],
  settings: Record<string, string> = {},
): Promise<CliResult> {
  const { home, cache } = env.config;
  return runCli(args, { ...cliEnvironment(home, cache), ...settings });
}

function write(name: string, lines: readonly string[]): string {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** In this process, with a store or limits of the test's own. */
async function bringIn(path: string, over: Partial<BackfillContext> = {}): Promise<BackfillReport> {
  const rejects = createRejects(join(folder, 'rejected.txt'), 10);
  const [history] = await openHistories(path, { rejects, publish: () => Promise.resolve() });
  if (history === undefined) throw new Error('no history');
  const context = archiveContext(loadConfig({ home: env.config.home }, {}), store);
  return backfill({ ...context, log: quiet, ...over }, history);
}

/** Name, SHA-256 and time of each object of that topic in the store. */
async function objects(topic: string): Promise<ReadonlyMap<string, readonly [string, number]>> {
  const found = new Map<string, readonly [string, number]>();
  for await (const { name, modifiedAt } of store.list('archived-events/')) {
    if (!name.includes(`/${topic.replace(':', '-')}-`)) continue;
    const body = await store.get(name);
    found.set(name, [createHash('sha256').update(body).digest('hex'), modifiedAt]);
  }
  return found;
}

const shaOf = (found: ReadonlyMap<string, readonly [string, number]>) =>
  new Map([...found].map(([name, [sha]]) => [name, sha]));

async function findings() {
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

async function topicOf(path: string): Promise<string> {
  const { stdout } = await marquee(['backfill', path, '--dry-run', '--json']);
  return (JSON.parse(stdout) as { topic: string }[])[0]?.topic ?? '';
}

async function totals(topic: string) {
  const [row] = await env.db.query<Record<string, unknown>>(
    `SELECT (SELECT sum(rows)::int FROM archive_ranges WHERE topic = $1) AS rows,
            (SELECT sum(dead)::int FROM archive_ranges WHERE topic = $1) AS dead,
            count(*)::int AS files, sum(rows)::int AS in_files,
            min(date)::text AS first, max(date)::text AS last
       FROM archive_files WHERE topic = $1`,
    [topic],
  );
  return row;
}

const moviesPublished = () =>
  withAdmin({ brokers: env.config.kafka.brokers }, async (admin) =>
    (await admin.fetchTopicOffsets('movies.v1')).reduce((sum, p) => sum + Number(p.high), 0),
  );

describe('a MovieLens folder', () => {
  test('killed at each point and run again is in the archive, with the same objects', async () => {
    const topic = await topicOf(set.folder);
    const rowsMax = { MARQUEE_ARCHIVE_ROWS_MAX: '100' };
    const points = [
      ...['archive_before_upload:1', 'archive_before_upload:9', 'archive_uploaded:5'],
      ...['archive_verified:1', 'archive_recorded:1', 'archive_uploaded:4', 'archive_verified:2'],
    ];
    let before = new Map<string, string>();
    for (const point of points) {
      const { code } = await marquee(['backfill', set.folder], {
        ...rowsMax,
        MARQUEE_FAILPOINTS: point,
      });
      expect([point, code]).toEqual([point, null]);
      const now = shaOf(await objects(topic));
      for (const [name, sha] of before) expect([name, now.get(name)]).toEqual([name, sha]);
      before = now;
      expect([point, await findings()]).toEqual([point, []]);
    }
    // The cut is the plan's: what the configuration says by now changes nothing.
    const { code, stdout } = await marquee(['backfill', set.folder]);
    expect(stdout).toMatch(/events +320, 2001-09-01 to 2001-10-10/);
    expect(stdout).toContain('finishing an earlier one');
    expect(code).toBe(0);
    const after = await objects(topic);
    for (const [name, sha] of before) expect([name, after.get(name)?.[0]]).toEqual([name, sha]);
    const ranges = await env.db.query(
      'SELECT from_offset, to_offset FROM archive_ranges WHERE topic = $1 ORDER BY 1',
      [topic],
    );
    expect(ranges).toEqual(
      [0, 100, 200, 300].map((from) => ({
        from_offset: from,
        to_offset: Math.min(320, from + 100),
      })),
    );
    expect(await findings()).toEqual([]);
  });

  test('holds each rating under its date, received when it happened', async () => {
    const topic = await topicOf(set.folder);
    const files = await env.db.query<{ path: string; date: string }>(
      'SELECT path, date::text FROM archive_files WHERE topic = $1 ORDER BY 1',
      [topic],
    );
    const dates = new Set<string>();
    const places: number[] = [];
    for (const { path, date } of files) {
      expect(path).toMatch(
        new RegExp(`^archived-events/date=${date}/backfill-[0-9a-f]{16}-0-\\d+-\\d+\\.parquet$`),
      );
      dates.add(date);
      const { events, topics } = decodeFile(await store.get(path));
      expect(new Set(topics())).toEqual(new Set([topic]));
      for (let i = 0; i < events.rows; i++) {
        const at = numberColumn(events, 'occurred_at').values[i] as number;
        expect(new Date(at).toISOString().slice(0, 10)).toBe(date);
        expect(numberColumn(events, 'received_at').values[i]).toBe(at);
        expect(uuidTimeMs(bytesColumn(events, 'event_id').bytes.subarray(i * 16))).toBe(at);
        places.push(numberColumn(events, 'kafka_offset').values[i] as number);
      }
    }
    expect(dates.size).toBe(DATES);
    const all = Array.from({ length: DATES * PER_DATE }, (_, place) => place);
    expect(places.sort((a, b) => a - b)).toEqual(all);
  });

  test('run again does nothing and says so', async () => {
    const topic = await topicOf(set.folder);
    const before = await objects(topic);
    const movies = await moviesPublished();
    expect(movies).toBeGreaterThanOrEqual(30);
    const { code, stdout } = await marquee(['backfill', set.folder]);
    expect(stdout).toContain('nothing was done');
    expect(code).toBe(0);
    expect(await objects(topic)).toEqual(before);
    expect(await moviesPublished()).toBe(movies);
  });

  test('that changed is another history, of which readers count each event once', async () => {
    const rows = madeUpRatings(SEED, DATES, PER_DATE);
    using changed = writeMovieLens({ ...rows, ratings: [...rows.ratings, '9,1,4.0,1000000000'] });
    const report = await bringIn(changed.folder);
    expect(report).toMatchObject({ wasThere: false, rows: DATES * PER_DATE + 1 });
    const ids = new Map<string, number>();
    for (const { path } of await env.db.query<{ path: string }>('SELECT path FROM archive_files')) {
      const { events } = decodeFile(await store.get(path));
      const { bytes } = bytesColumn(events, 'event_id');
      for (let i = 0; i < events.rows; i++) {
        const id = formatUuid(bytes.subarray(i * 16, i * 16 + 16));
        ids.set(id, (ids.get(id) ?? 0) + 1);
      }
    }
    expect(ids.size).toBe(DATES * PER_DATE + 1);
    expect([...ids.values()].filter((n) => n === 2).length).toBe(DATES * PER_DATE);
    expect(await findings()).toEqual([]);
  });
});

describe('a file of JSON lines', () => {
  test('with bad lines reports each by file and line, and brings in the others', async () => {
    const lines = jsonLines(SEED, 500);
    lines[10] =
      '{"user_id":"u","action":"rate","movie_id":1,"value":9,"occurred_at":1000000000000}';
    lines[20] = 'no json';
    const file = write('log.jsonl', lines);
    const { code, stdout, stderr } = await marquee(['backfill', file]);
    expect(stderr).toContain('log.jsonl:11: value is 9: not from 0.5 to 5');
    expect(stderr).toContain('log.jsonl:21: no JSON object in one line');
    expect(stdout).toMatch(/left out +2 lines/);
    expect(code).toBe(0);
    expect(await totals(await topicOf(file))).toMatchObject({ rows: 498, dead: 2, in_files: 498 });
    expect(await findings()).toEqual([]);
  });

  test('of which no line can be used ends with status 1', async () => {
    const { code, stdout } = await marquee(['backfill', write('none.jsonl', ['1', '2'])]);
    expect(stdout).toMatch(/left out +2 lines/);
    expect(code).toBe(1);
    expect(await findings()).toEqual([]);
  });

  test('read by a dry run leaves no trace', async () => {
    const file = write('dry.jsonl', jsonLines(SEED + 1, 50));
    const { code, stdout } = await marquee(['backfill', file, '--dry-run']);
    expect(stdout).toContain('Nothing was written');
    expect(code).toBe(0);
    expect(await env.db.query(`SELECT FROM archive_backfills WHERE source = 'dry.jsonl'`)).toEqual(
      [],
    );
  });

  test('beside another run of the archive says so and leaves', async () => {
    const session = await openSession({
      url: env.config.postgres.writerUrl,
      applicationName: 'test-lock',
    });
    await session.query(`SELECT pg_advisory_lock(hashtextextended('marquee.archive', 0))`);
    const file = write('two.jsonl', jsonLines(SEED + 2, 50));
    const { code, stderr } = await marquee(['backfill', file]);
    expect(stderr).toContain('MARQUEE_ARCHIVE_BUSY');
    expect(code).toBe(1);
    await session.close();
    expect(await bringIn(file)).toMatchObject({ rows: 50, isResumed: false });
  });

  test('two at once bring it in once', async () => {
    const file = write('both.jsonl', jsonLines(SEED + 3, 2_000));
    const ends = await Promise.allSettled([bringIn(file), bringIn(file)]);
    for (const end of ends)
      if (end.status === 'rejected')
        expect(end.reason).toMatchObject({ code: 'MARQUEE_ARCHIVE_BUSY' });
    expect(ends.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect(await totals(await topicOf(file))).toMatchObject({ rows: 2_000, in_files: 2_000 });
    expect(await findings()).toEqual([]);
  });

  test('is tried again while the store is away, and reports a bad line once', async () => {
    const rejects = createRejects(join(folder, 'away.txt'), 10);
    const file = write('away.jsonl', ['bad', ...jsonLines(SEED + 4, 100)]);
    const [history] = await openHistories(file, { rejects, publish: () => Promise.resolve() });
    if (history === undefined) throw new Error('no history');
    const away = awayAtFirst(store, 2);
    const context = archiveContext(loadConfig({ home: env.config.home }, {}), away.store);
    const report = await backfill({ ...context, log: quiet }, history);
    expect(report).toMatchObject({ rows: 100, leftOut: 1, isResumed: false, wasThere: false });
    expect(away.left()).toBe(0);
    expect(rejects.count()).toBe(1);
  });

  test('of which the store gives back something else is not recorded', async () => {
    const file = write('lie.jsonl', jsonLines(SEED + 5, 100));
    const lying: ObjectStore = {
      ...store,
      async get(name) {
        const body = Buffer.from(await store.get(name));
        body[40] = (body[40] ?? 0) ^ 1;
        return body;
      },
    };
    await expect(bringIn(file, { store: lying })).rejects.toMatchObject({
      code: 'MARQUEE_ARCHIVE_MISMATCH',
    });
    expect(await totals(await topicOf(file))).toMatchObject({ rows: null, files: 0 });
    expect(await bringIn(file)).toMatchObject({ rows: 100, isResumed: true });
  });

  test('is listed with its dates and what was left out', async () => {
    const { stdout } = await marquee(['backfill', 'ls']);
    expect(stdout).toMatch(/backfill:[0-9a-f]{16} +log\.jsonl +498 +2 +2001-09-01 to 2001-09-2\d/);
    const months = await marquee(['archive', 'ls']);
    expect(months.stdout).toMatch(/^2001 +history/m);
    const dates = await marquee(['archive', 'ls', '--dates']);
    expect(dates.stdout).toMatch(/^2001-09-01 +history/m);
  });
});

describe('a history that was taken back', () => {
  test('is gone, and comes again from the same file', async () => {
    const file = write('back.jsonl', jsonLines(SEED + 6, 200));
    const { topic, files } = await bringIn(file);
    const gone = await expireFiles(env.db, { keepDays: 30, backfill: topic, dryRun: false });
    expect(gone.length).toBe(files);
    expect(await totals(topic)).toMatchObject({ rows: null, files: 0 });
    expect(await findings()).toEqual([]);

    expect(await bringIn(file)).toMatchObject({ topic, files, rows: 200, wasThere: false });
    // What had expired is listed again: nobody may take its objects for those of the first time.
    await removeOrphans(
      env.db,
      store,
      { prefix: 'archived-events/', graceMs: 0 },
      { dryRun: false },
    );
    expect((await objects(topic)).size).toBe(files);
    expect(await findings()).toEqual([]);
  });
});

describe('the audit finds', () => {
  test('an object of history removed, and a range taken out of the list', async () => {
    const [first] = await env.db.query<{ path: string }>(
      `SELECT path FROM archive_files WHERE topic LIKE 'backfill:%' ORDER BY path LIMIT 1`,
    );
    const path = first?.path ?? '';
    const kept = await store.get(path);
    await store.remove([path]);
    expect(await findings()).toEqual([
      { check: 'objects', place: path, detail: 'the object is gone' },
    ]);
    await store.put(path, kept);

    const topic = await topicOf(set.folder);
    const take = async (from: number) => {
      const range = `marquee.archive_ranges WHERE topic = '${topic}' AND from_offset = ${from}`;
      await env.admin.transaction(async () => {
        await env.admin.execute(`CREATE TABLE public.kept AS SELECT * FROM ${range}`);
        await env.admin.execute(`DELETE FROM ${range}`);
      });
      const found = await findings();
      await env.admin.execute('INSERT INTO marquee.archive_ranges SELECT * FROM public.kept');
      await env.admin.execute('DROP TABLE public.kept');
      return found
        .filter(({ check }) => check === 'the archive’s ranges join')
        .map(({ place }) => place);
    };
    expect(await take(0)).toEqual([`${topic} at 0`]);
    expect(await take(100)).toEqual([`${topic}/0 at 100`]);
    expect(await take(300)).toEqual([`${topic}/0 at 300`]);
    expect(await findings()).toEqual([]);
  });
});
