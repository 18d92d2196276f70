import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig, repositoryRoot } from '../../../cli/config/config.ts';
import { openEvents } from '../../../cli/sql/open.ts';
import { openObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { EventsView } from '../../../archive/query/events-view.ts';
import { runArchive } from '../../../archive/ingest/run.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { cliEnvironment, runCli } from '../../support/cli.ts';
import { ask, plainTimes, readHotRows, startCountingProxy } from '../../support/events.ts';
import { runInTerminal } from '../../support/terminal.ts';
import type { Terminal } from '../../support/terminal.ts';
import { makeWave, type Wave } from '../../support/streams/actions.ts';
import { startEnvironment, type Environment } from '../../support/streams/environment.ts';
import { SMALL_RANGES, applyWaves, archiveContextOf } from './context.ts';

const SEED = 60_017;
const interactions = PROCESSORS['interactions'] as Processor;
/** Hours ago at which the waves were received. The first two have left the window. */
const AGES = [80, 60, 30, 1];
const OLD = 2;

let env: Environment;
let store: ObjectStore;
const waves: Wave[] = [];
const views: EventsView[] = [];

beforeAll(async () => {
  env = await startEnvironment({ times: 'CreateTime', objectStore: true });
  store = openObjectStore(env.config.objectStore);
}, 600_000);
afterEach(async () => {
  for (const view of views.splice(0)) await view.close();
});
afterAll(async () => {
  store.close();
  await env.close();
});

async function open(
  over: Parameters<typeof loadConfig>[0] = {},
  options: Parameters<typeof openEvents>[1] = {},
): Promise<EventsView> {
  const config = loadConfig({ home: env.config.home, ...over }, {});
  const view = await openEvents(config, options);
  views.push(view);
  return view;
}

const context = () => archiveContextOf(env, store, { settings: { ...SMALL_RANGES, rowsMax: 150 } });

const sumOf = (of: readonly Wave[], key: 'distinct' | 'resent' | 'tooLate') =>
  of.reduce((sum, wave) => sum + wave[key], 0);

const idsOf = async (view: EventsView) =>
  (await ask(view, 'SELECT event_id FROM events ORDER BY 1')).map((row) => row['event_id']);

/** All ids that the view must show, once each. */
async function expectComplete(view: EventsView, archivedWaves: readonly Wave[]): Promise<void> {
  const ids = await idsOf(view);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBe(sumOf(waves, 'distinct') + sumOf(archivedWaves, 'tooLate'));
}

describe('the view events', () => {
  test('is empty where nothing is, and has its columns', async () => {
    const view = await open();
    expect(await ask(view, 'SELECT * FROM events')).toEqual([]);
    const columns = await ask(view, 'DESCRIBE events');
    expect(columns.map((c) => `${String(c['column_name'])} ${String(c['column_type'])}`)).toEqual([
      'event_id VARCHAR',
      'user_id VARCHAR',
      'action VARCHAR',
      'movie_id BIGINT',
      'value DOUBLE',
      'occurred_at TIMESTAMP WITH TIME ZONE',
      'received_at TIMESTAMP WITH TIME ZONE',
      'session_id VARCHAR',
      'request_id VARCHAR',
      'position INTEGER',
      'device VARCHAR',
      'app VARCHAR',
      'app_version VARCHAR',
      'properties MAP(VARCHAR, VARCHAR)',
      'kafka_topic VARCHAR',
      'kafka_partition INTEGER',
      'kafka_offset BIGINT',
      'date DATE',
    ]);
  });

  test('with nothing archived is the hot table, value by value', async () => {
    waves.push(...(await applyWaves(env, AGES, { seed: SEED, count: 600 })));
    const view = await open();
    const rows = await ask(view, 'SELECT * FROM events ORDER BY event_id');
    const hot = await readHotRows(env.db);
    expect(hot.length).toBe(sumOf(waves, 'distinct'));
    expect(plainTimes(rows)).toEqual(hot);
  });

  test('opened before a run that drops hours shows them all, once, when it is asked after', async () => {
    const before = await open();
    const report = await runArchive(context(), null);
    expect(report.drop.dropped.length).toBeGreaterThan(5);
    expect(report.drop.held).toEqual([]);
    await expectComplete(before, waves.slice(0, OLD));
    const [read] = await env.db.query<{ rows: number }>(
      'SELECT sum(rows)::int AS rows FROM archive_files',
    );
    const old = waves.slice(0, OLD);
    expect(read?.rows).toBe(sumOf(old, 'distinct') + sumOf(old, 'tooLate') + sumOf(old, 'resent'));
    expect(sumOf(old, 'resent')).toBeGreaterThan(0);
    await expectComplete(await open(), old);
  });

  test('of cold rows is the hot table that they came from, value by value', async () => {
    const hot = await readHotRows(env.db);
    await runArchive(context(), Date.now());
    const view = await open();
    const offsets = await ask(view, 'SELECT min(from_offset) AS low FROM manifest');
    expect(offsets).toEqual([{ low: 0 }]);
    const rows = plainTimes(await ask(view, 'SELECT * FROM events ORDER BY event_id'));
    const ids = new Set(hot.map((row) => row['event_id']));
    expect(rows.filter((row) => ids.has(row['event_id']))).toEqual(hot);
    await expectComplete(view, waves);
  });

  test('with an empty hot table still has all', async () => {
    await env.admin.execute('CREATE TABLE public.kept AS TABLE marquee.rt_user_interactions');
    await env.admin.execute('TRUNCATE marquee.rt_user_interactions');
    try {
      await expectComplete(await open(), waves);
    } finally {
      await env.admin.execute('INSERT INTO marquee.rt_user_interactions SELECT * FROM public.kept');
    }
  });

  test('shows what came since when it is refreshed, and not before', async () => {
    const view = await open();
    const before = await idsOf(view);
    const wave = await makeWave(env.codec, {
      seed: SEED + 100,
      count: 200,
      nowMs: Date.now(),
      stamped: true,
    });
    waves.push(wave);
    await env.send('user-actions.v1', wave.records);
    const running = await env.run([interactions]);
    await env.caughtUp([interactions]);
    await running.stop();
    expect(await idsOf(view)).toEqual(before);
    await view.refresh();
    await expectComplete(view, waves.slice(0, -1));
  });

  test('goes on when what it had listed was merged and is gone', async () => {
    const view = await open();
    const [old] = await env.db.query<{ path: string; date: string }>(
      'SELECT path, date::text FROM archive_files ORDER BY path LIMIT 1',
    );
    const { path, date } = old ?? { path: '', date: '' };
    const merged = path.replace('user-actions', 'merged');
    await store.put(merged, await store.get(path));
    await env.db.execute(
      `INSERT INTO archive_files (path, topic, date, rows, id_sum, content_sum, bytes, sha256,
          first_event_id, last_event_id, generation)
       SELECT $2, '*', date, rows, id_sum, content_sum, bytes, sha256,
              first_event_id, last_event_id, 1
         FROM archive_files WHERE path = $1`,
      [path, merged],
    );
    await env.db.execute(
      'UPDATE archive_files SET replaced_at = now(), replaced_by = $2 WHERE path = $1',
      [path, merged],
    );
    await store.remove([path]);
    await expectComplete(view, waves.slice(0, AGES.length));
    const listed = await ask(view, `SELECT path FROM manifest WHERE date = '${date}'`);
    expect(listed.map((row) => row['path'])).toContain(merged);
  });

  test('reads a column that an older file lacks as null', async () => {
    const view = await open();
    const file = join(env.config.home, 'older.parquet');
    await ask(
      view,
      `COPY (SELECT * EXCLUDE (date, app_version, properties)
                REPLACE ('old-' || event_id AS event_id) FROM events LIMIT 7)
         TO '${file}' (FORMAT parquet)`,
    );
    const body = await readFile(file);
    const path = 'archived-events/date=2001-02-03/older.parquet';
    await store.put(path, body);
    await env.db.execute(
      `INSERT INTO archive_files (path, topic, date, rows, id_sum, content_sum, bytes, sha256,
          first_event_id, last_event_id, generation)
       SELECT $1, '*', '2001-02-03', 7, 0, 0, $2, $3, gen_random_uuid(), gen_random_uuid(), 1`,
      [path, body.length, createHash('sha256').update(body).digest()],
    );
    try {
      await view.refresh();
      const rows = await ask(view, `SELECT * FROM events WHERE date = '2001-02-03'`);
      expect(rows).toHaveLength(7);
      for (const row of rows)
        expect(row).toMatchObject({ app: 'replay-test', app_version: null, properties: null });
    } finally {
      await env.db.execute('DELETE FROM archive_files WHERE path = $1', [path]);
      await store.remove([path]);
    }
  });
});

describe('a query over one date', () => {
  test("reads only that date's files, and copies only that date's hot rows", async () => {
    const proxy = await startCountingProxy(env.config.objectStore.endpoint);
    const objectStore = { ...env.config.objectStore, endpoint: proxy.url };
    try {
      const view = await open({ objectStore });
      const dates = await ask(
        view,
        'SELECT date, count(*) AS files FROM manifest GROUP BY 1 ORDER BY 1',
      );
      expect(dates.length).toBeGreaterThan(3);
      const date = String(dates[0]?.['date']);
      const listed = await ask(view, `SELECT path FROM manifest WHERE date = '${date}' ORDER BY 1`);
      expect(proxy.taken()).toEqual([]);
      for (const condition of [
        `date = '${date}'`,
        `date < DATE '${date}' + 1`,
        `date IN ('${date}', '1999-01-01')`,
      ]) {
        const copied: number[] = [];
        const other = await open({ objectStore }, { onHotRows: (rows) => copied.push(rows) });
        await ask(other, `SELECT action, count(*) FROM events WHERE ${condition} GROUP BY action`);
        const names = new Set(proxy.taken().map((line) => line.replace(/^\w+ \/\w+\//, '')));
        expect([...names].sort()).toEqual(listed.map((row) => row['path']));
        expect(copied).toEqual([]);
      }
    } finally {
      await proxy.close();
    }
  });

  test("copies that date's hot rows, once", async () => {
    const copied: number[] = [];
    const view = await open({}, { onHotRows: (rows) => copied.push(rows) });
    const hot = await env.db.query<{ date: string; n: number }>(
      `SELECT (h.occurred_at AT TIME ZONE 'UTC')::date::text AS date, count(*)::int AS n
         FROM rt_user_interactions h JOIN stream_offsets o
           ON o.processor = 'archive' AND o.partition = h.kafka_partition
        WHERE h.kafka_offset >= o.next_offset GROUP BY 1`,
    );
    expect(hot.length).toBeGreaterThan(0);
    for (const { date, n } of hot) {
      copied.length = 0;
      const ask1 = () => ask(view, `SELECT count(*)::INT AS n FROM events WHERE date = '${date}'`);
      const [first] = await ask1();
      expect(first?.['n']).toBeGreaterThanOrEqual(n);
      expect(copied).toEqual([n]);
      expect(await ask1()).toEqual([first]);
      expect(copied).toEqual([n]);
    }
  });
});

describe('marquee sql', () => {
  const main = join(repositoryRoot, 'cli', 'main.ts');
  const sql = (args: readonly string[], input?: string) =>
    runCli(['sql', ...args], cliEnvironment(env.config.home, env.config.cache), input);

  test('runs each statement of its input, over hot and cold', async () => {
    const answer = await sql(
      ['--format', 'csv'],
      `CREATE TABLE mine AS SELECT action FROM events;
       SELECT count(*) AS n FROM mine;
       SELECT count(*) AS n FROM manifest`,
    );
    const files = await env.db.query('SELECT FROM archive_files WHERE replaced_at IS NULL');
    expect(answer.stdout).toBe(
      // CREATE TABLE AS says how many rows it made.
      `Count\r\n${shown()}\r\nn\r\n${shown()}\r\nn\r\n${files.length}\r\n`,
    );
  });
  const shown = () => sumOf(waves, 'distinct') + sumOf(waves.slice(0, AGES.length), 'tooLate');

  test('says what DuckDB says of a statement that is wrong, and ends with 1', async () => {
    const wrong = await sql(['-c', 'SELECT 1 AS one; SELECT nobody FROM events']);
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain('one');
    expect(wrong.stderr).toMatch(/^MARQUEE_SQL_FAILED: .*"nobody" not found/m);
    const unended = await sql(['-c', "SELECT 'a"]);
    expect(unended.code).toBe(1);
    expect(unended.stderr).toMatch(/^MARQUEE_SQL_FAILED: .*unterminated/m);
  });

  test('changes nothing of the events', async () => {
    const answer = await sql(['-c', 'DELETE FROM events']);
    expect(answer.code).toBe(1);
    expect(answer.stderr).toContain('MARQUEE_SQL_FAILED');
  });

  const terminals: Terminal[] = [];
  afterEach(() => {
    for (const terminal of terminals.splice(0)) terminal.kill();
  });
  function startTerminal(): Terminal {
    const terminalEnv = { ...cliEnvironment(env.config.home, env.config.cache), TERM: 'xterm' };
    const terminal = runInTerminal([process.execPath, main, 'sql'], terminalEnv);
    terminals.push(terminal);
    return terminal;
  }

  test('at a terminal takes lines until a semicolon, goes on after a fault, and is ended by Ctrl-C and Ctrl-D', async () => {
    const terminal = startTerminal();
    await terminal.until(/marquee> $/);
    terminal.type('SELECT 40 + 2\r');
    await terminal.until(/\.\.\.> $/);
    terminal.type('AS answer;\r');
    await terminal.until(/answer\s+42\s+\(1 row\)[^]*marquee> $/);
    terminal.type('SELECT nobody;\r');
    await terminal.until(/MARQUEE_SQL_FAILED: [^]*marquee> $/);
    terminal.type(
      'SELECT count(*) FROM range(1e12::BIGINT) a, range(9) b WHERE a.range = -b.range - 1;\r',
    );
    await terminal.until(/- 1;/);
    terminal.type('\x03');
    await terminal.until(/MARQUEE_INTERRUPTED: [^]*marquee> $/);
    terminal.type('.format json\r');
    await terminal.until(/json\s+marquee> $/);
    terminal.type('SELECT count(*) AS n FROM events;\r');
    await terminal.until(new RegExp(`"n":${shown()}\\}[^]*marquee> $`));
    terminal.type('\x04');
    expect(await terminal.ended).toBe(0);
    const again = startTerminal();
    await again.until(/marquee> $/);
    again.type('\x1b[A');
    await again.until(/SELECT count\(\*\) AS n FROM events;$/);
    again.type('\x15.quit\r');
    expect(await again.ended).toBe(0);
  });
});
