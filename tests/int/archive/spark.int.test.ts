import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEvents } from '../../../cli/sql/open.ts';
import { BATCH_REQUIREMENTS, installPython } from '../../../cli/stack/python.ts';
import { createProgress } from '../../../cli/stack/progress.ts';
import { openObjectStore } from '../../../connectors/object-store/object-store.ts';
import { runArchive } from '../../../streams/archive/run.ts';
import { DEFAULT_ARCHIVE } from '../../../streams/archive/settings.ts';
import { cliEnvironment } from '../../support/cli.ts';
import { ask } from '../../support/events.ts';
import type { EventRow } from '../../support/events.ts';
import { makeWave } from '../replay/actions.ts';
import { quiet, startWorld, type World } from '../replay/world.ts';

const SEED = 31_415;
const HOUR_MS = 3_600_000;
const script = join(import.meta.dirname, '../../support/python/spark_rows.py');

let world: World;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marquee-spark-'));
  world = await startWorld({ times: 'CreateTime', objectStore: true });
}, 600_000);
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

test(
  'Spark reads each file of a date as DuckDB does: rows, types, values',
  { timeout: 600_000 },
  async () => {
    const { config } = world;
    const store = openObjectStore(config.objectStore);
    const progress = createProgress(process.stderr);
    try {
      const python = installPython(config, 'spark', BATCH_REQUIREMENTS, progress);
      const wave = await makeWave(world.codec, {
        seed: SEED,
        count: 3_000,
        nowMs: Math.floor(Date.now() / (24 * HOUR_MS)) * 24 * HOUR_MS - 50 * HOUR_MS,
        stamped: true,
      });
      await world.send('user-actions.v1', wave.records);
      await runArchive(
        {
          brokers: config.kafka.brokers,
          registryUrl: config.registry.url,
          postgresUrl: config.postgres.writerUrl,
          store,
          settings: { ...DEFAULT_ARCHIVE, graceMs: 0 },
          runtime: world.settings,
          log: quiet,
          failpoint: () => undefined,
        },
        Date.now(),
      );
      const view = await openEvents(config);
      const files = await ask(view, 'SELECT path, date FROM manifest ORDER BY path');
      expect(files.length).toBeGreaterThan(6);
      for (const { path } of files) {
        const copy = join(folder, String(path));
        await mkdir(dirname(copy), { recursive: true });
        await writeFile(copy, await store.get(String(path)));
      }
      const spark = await readBySpark(await python, join(folder, 'archived-events'));
      expect(spark.types).toEqual({
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
      const paths = files.map(({ path }) => `'s3://${config.objectStore.bucket}/${String(path)}'`);
      const duck = await ask(
        view,
        `SELECT * REPLACE (epoch_us(occurred_at) AS occurred_at, epoch_us(received_at) AS received_at)
           FROM read_parquet([${paths.join(', ')}], hive_partitioning = true)
          ORDER BY kafka_partition, kafka_offset`,
      );
      await view.close();
      expect(duck.length).toBe(wave.distinct + wave.resent + wave.tooLate);
      expect(spark.rows).toEqual(duck);
    } finally {
      progress.close();
      store.close();
    }
  },
);

async function readBySpark(python: string, at: string) {
  const { stdout } = await promisify(execFile)(python, [script, at], {
    env: { ...cliEnvironment(world.config.home, world.config.cache), SPARK_LOCAL_IP: '127.0.0.1' },
    maxBuffer: 1 << 28,
  });
  const [types, ...rows] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as EventRow);
  const place = (row: EventRow) =>
    Number(row['kafka_partition']) * 2 ** 32 + Number(row['kafka_offset']);
  return { types, rows: rows.sort((a, b) => place(a) - place(b)) };
}
