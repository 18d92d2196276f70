import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repositoryRoot } from '../../../cli/config/config.ts';
import { openEvents } from '../../../cli/sql/open.ts';
import { createProgress } from '../../../cli/terminal/progress.ts';
import { installPython } from '../../../cli/stack/install/python.ts';
import { installSpark } from '../../../cli/stack/install/spark.ts';
import type { Spark } from '../../../cli/stack/install/spark.ts';
import { openObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { EventsView } from '../../../archive/query/events-view.ts';
import { runArchive } from '../../../archive/ingest/run.ts';
import { DEFAULT_ARCHIVE } from '../../../archive/settings.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { cliEnvironment } from '../../support/cli.ts';
import { ask } from '../../support/events.ts';
import type { EventRow } from '../../support/events.ts';
import { makeWave, type Wave } from '../../support/streams/actions.ts';
import { quiet, startEnvironment, type Environment } from '../../support/streams/environment.ts';
import { HOUR_MS } from '../../../common/time.ts';

const SEED = 31_415;
/** The date that the page asks for; the late ones of the wave are of the day before. */
const DATE = '2026-11-20';
const RECEIVED_AT = Date.parse(`${DATE}T18:00:00Z`);
const interactions = PROCESSORS['interactions'] as Processor;
const python = join(import.meta.dirname, '../../support/python');
const run = promisify(execFile);

let env: Environment;
let wave: Wave;
let view: EventsView;
let folder: string;
let snippets: readonly Snippet[];
let programs: { readonly spark: Spark; readonly python: string };
/** Number of events of that date by action. */
let expected: Readonly<Record<string, number>>;

interface Snippet {
  readonly language: string;
  readonly code: string;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marquee-analysts-'));
  const page = await readFile(join(repositoryRoot, 'docs', 'analysts.md'), 'utf8');
  snippets = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(
    ([, language = '', code = '']) => ({
      language,
      code,
    }),
  );
  env = await startEnvironment({ times: 'CreateTime', objectStore: true });
  programs = await install();
  wave = await makeWave(env.codec, {
    seed: SEED,
    count: 3_000,
    nowMs: RECEIVED_AT,
    stamped: true,
  });
  await env.send('user-actions.v1', wave.records);
  const running = await env.run([interactions]);
  await env.caughtUp([interactions]);
  await running.stop();
  await archiveAll();
  view = await openEvents(env.config);
  const counts = await ask(
    view,
    `SELECT action, count(*)::INT AS n FROM events WHERE date = '${DATE}' GROUP BY action`,
  );
  expected = Object.fromEntries(counts.map(({ action, n }) => [String(action), Number(n)]));
  expect(Object.values(expected).reduce((a, b) => a + b)).toBe(wave.distinct);
}, 900_000);
afterAll(async () => {
  await view.close();
  await env.close();
  await rm(folder, { recursive: true, force: true });
});

async function install() {
  const progress = createProgress(process.stderr);
  try {
    const requirements = join(python, 'requirements.txt');
    return {
      python: await installPython(env.config, 'analysts', requirements, progress),
      spark: await installSpark(
        { cache: env.config.cache, javaHome: env.config.stack.javaHome },
        progress,
      ),
    };
  } finally {
    progress.close();
  }
}

async function archiveAll(): Promise<void> {
  const { config } = env;
  const store = openObjectStore(config.objectStore);
  try {
    await runArchive(
      {
        brokers: config.kafka.brokers,
        registryUrl: config.registry.url,
        postgresUrl: config.postgres.writerUrl,
        store,
        // Nothing of it is dropped.
        settings: { ...DEFAULT_ARCHIVE, graceMs: HOUR_MS },
        runtime: env.settings,
        log: quiet,
        failpoint: () => undefined,
      },
      Date.now(),
    );
  } finally {
    store.close();
  }
}

const shellEnv = () => ({
  ...cliEnvironment(env.config.home, env.config.cache),
  TMPDIR: folder,
  SPARK_LOCAL_IP: '127.0.0.1',
  SPARK_JARS: programs.spark.jars,
});

/** Each word with a count beside it, as psql, DuckDB, pandas and Spark draw them. */
function countsIn(output: string): Record<string, number> {
  const found = [...output.matchAll(/\b([a-z_]+)\b[^\w\n]+(\d+)\b/g)];
  return Object.fromEntries(
    found.flatMap(([, action = '', n]) => (action in expected ? [[action, Number(n)]] : [])),
  );
}

const shell = (code: string) =>
  run('sh', ['-eu', '-c', code], { cwd: repositoryRoot, env: shellEnv() });

test(
  'each command of the page works, and those that count agree',
  { timeout: 600_000 },
  async () => {
    const commands = snippets.filter(({ language }) => language === 'sh');
    expect(commands).toHaveLength(5);
    const outputs: string[] = [];
    for (const { code } of commands) outputs.push((await shell(code)).stdout);
    const [fromSql, , fromPsql, manifest, none] = outputs as [
      string,
      string,
      string,
      string,
      string,
    ];
    expect(countsIn(fromSql)).toEqual(expected);
    expect(countsIn(fromPsql)).toEqual(expected);
    expect(none).toBe('');
    const files = await ask(view, `SELECT path FROM manifest WHERE date = '${DATE}'`);
    for (const { path } of files) expect(manifest).toContain(String(path));
    const kept = await ask(view, `SELECT count(*)::INT AS n FROM '${join(folder, 'day.parquet')}'`);
    expect(kept).toEqual([{ n: wave.distinct }]);
  },
);

test("the README's query works as it is written", { timeout: 300_000 }, async () => {
  const readme = await readFile(join(repositoryRoot, 'README.md'), 'utf8');
  const [query = ''] = /^\.\/marquee sql -c "[^"]*"$/m.exec(readme) ?? [];
  expect((await shell(query)).stdout).toMatch(new RegExp(`^${DATE} +${wave.distinct} +\\d+$`, 'm'));
});

/** A Python snippet in a shell that the page's settings were given to. */
async function runPython(interpreter: string, named: string, wrapper?: string): Promise<string> {
  const code = snippets.find((s) => s.language === 'python' && s.code.includes(named))?.code ?? '';
  const settings = snippets.find(({ code: text }) => text.includes('export FILES'))?.code ?? '';
  const file = join(folder, `snippet-${named}.py`);
  await writeFile(file, code);
  const { stdout } = await run(
    'sh',
    ['-eu', '-c', `${settings}\nexec "$@"`, 'sh', interpreter, ...(wrapper ? [wrapper] : []), file],
    { cwd: repositoryRoot, env: shellEnv(), maxBuffer: 1 << 28 },
  );
  return stdout;
}

test('DuckDB reads the files from Python', { timeout: 300_000 }, async () => {
  expect(countsIn(await runPython(programs.python, 'duckdb'))).toEqual(expected);
});

test('pandas reads the files', { timeout: 300_000 }, async () => {
  expect(countsIn(await runPython(programs.python, 'to_pandas'))).toEqual(expected);
});

test('Spark reads them as DuckDB does: rows, types, values', { timeout: 900_000 }, async () => {
  const wrapper = join(python, 'spark_rows.py');
  const output = await runPython(programs.spark.python, 'pyspark', wrapper);
  const [shown = '', listed = ''] = output.split('\n--\n');
  expect(countsIn(shown)).toEqual(expected);
  const [types, ...rows] = listed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as EventRow);
  expect(types).toEqual({
    event_id: 'string',
    user_id: 'string',
    action: 'string',
    movie_id: 'bigint',
    value: 'double',
    occurred_at: 'timestamp',
    received_at: 'timestamp',
    session_id: 'string',
    request_id: 'string',
    position: 'int',
    device: 'string',
    app: 'string',
    app_version: 'string',
    properties: 'map<string,string>',
    kafka_topic: 'string',
    kafka_partition: 'int',
    kafka_offset: 'bigint',
    date: 'date',
  });
  const files = await ask(
    view,
    `SELECT 's3://${env.config.objectStore.bucket}/' || path AS url FROM manifest
      WHERE date = '${DATE}'`,
  );
  expect(files.length).toBeGreaterThan(6);
  const duck = await ask(
    view,
    `SELECT * REPLACE (epoch_us(occurred_at) AS occurred_at, epoch_us(received_at) AS received_at)
       FROM read_parquet([${files.map(({ url }) => `'${String(url)}'`).join(', ')}],
              hive_partitioning = true)
      ORDER BY kafka_partition, kafka_offset`,
  );
  expect(duck).toHaveLength(wave.distinct + wave.resent);
  const place = (row: EventRow) =>
    Number(row['kafka_partition']) * 2 ** 32 + Number(row['kafka_offset']);
  expect(rows.sort((a, b) => place(a) - place(b))).toEqual(duck);
});
