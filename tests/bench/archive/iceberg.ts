import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { listObjects, readBack, removeObjects, storeOf } from './run.ts';
import type { ArchiveContext, ArchiveResult } from './run.ts';
import type { StartedClient } from '../runner/child.ts';
import { connectKafka } from '../load/topics.ts';
import { costsBetween, untilQuiet } from '../runner/sampler.ts';
import type { BenchStack } from '../runner/stack.ts';
import { watchClients } from '../runner/watch.ts';
import { CONNECT_VERSION, ICEBERG_VERSION } from '../peers/jars.ts';
import { startConnect } from '../peers/connect.ts';

const COMMIT_INTERVAL_MS = 10_000;
const POLL_ROWS = 10_000;
const POLL_MS = 200;
const TABLE = 'bench.archive';

export const SINK_DESCRIPTION =
  `iceberg-kafka-connect ${ICEBERG_VERSION} on Kafka Connect ${CONNECT_VERSION} standalone, one task, ` +
  `JSON with the schema apart, JdbcCatalog on Postgres, S3FileIO to the same store, max.poll.records ` +
  `${String(POLL_ROWS)}, a commit every ${String(COMMIT_INTERVAL_MS / 1000)} s; exactly once; neither sorted nor read back`;

/** The record's schema, which JsonConverter is given apart; the table is made by it. */
const FIELDS: readonly (readonly [string, object])[] = [
  ['event_id', { type: 'string', optional: false }],
  ['user_id', { type: 'string', optional: false }],
  ['action', { type: 'string', optional: false }],
  ['movie_id', { type: 'int64', optional: true }],
  ['value', { type: 'double', optional: true }],
  ['occurred_at', timestamp()],
  ['received_at', timestamp()],
  ['session_id', { type: 'string', optional: true }],
  ['request_id', { type: 'string', optional: true }],
  ['position', { type: 'int32', optional: true }],
  ['device', { type: 'string', optional: true }],
  ['app', { type: 'string', optional: false }],
  ['app_version', { type: 'string', optional: true }],
  [
    'properties',
    {
      type: 'map',
      optional: false,
      keys: { type: 'string', optional: false },
      values: { type: 'string', optional: false },
    },
  ],
  ['kafka_topic', { type: 'string', optional: false }],
  ['kafka_partition', { type: 'int32', optional: false }],
  ['kafka_offset', { type: 'int64', optional: false }],
];

function timestamp(): object {
  const name = 'org.apache.kafka.connect.data.Timestamp';
  return { type: 'int64', optional: false, name, version: 1 };
}

const SCHEMA = {
  type: 'struct',
  optional: false,
  fields: FIELDS.map(([field, type]) => ({ field, ...type })),
};

/**
 * Iceberg's sink over all that stands in the JSON topic, into a table of its own. The time ends with
 * the snapshot that has all rows, by that snapshot's own time.
 */
export async function runSink(
  jars: string,
  java: string,
  context: ArchiveContext,
  round: number,
): Promise<ArchiveResult> {
  const { stack, load, workDir } = context;
  const runId = `${String(round)}_${String(Date.now())}`;
  const warehouse = `iceberg-${runId}/`;
  const database = `bench_iceberg_${runId}`;
  const control = `control-iceberg-${runId}`;
  await makePlace(stack, database, control);
  const logFile = join(workDir, `iceberg-${runId}.log`);
  await untilQuiet(stack.pids);
  const startedMs = Date.now();
  const client = await startConnect({
    name: `iceberg-${runId}`,
    ...{ java, jars, workDir, logFile, schema: SCHEMA },
    brokers: stack.brokers,
    // Every plugin is named on the class path: scanning takes long.
    pluginDiscovery: 'service_load',
    sink: sinkConfig(context, runId, { database, control, warehouse }),
    javaOptions: [
      '-Dorg.slf4j.simpleLogger.showDateTime=true',
      "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
    ],
  });
  const {
    result: endedMs,
    samples,
    peakRss: [peakRss = 0],
  } = await watchClients(stack, [client], () =>
    Promise.race([untilCommitted(context, database, logFile), endedEarly(client)]),
  );
  const fetchedMs = firstFetchMs(logFile, load.jsonTopic) ?? startedMs;
  const objects = (await listObjects(stack, warehouse)).filter(({ name }) =>
    name.endsWith('.parquet'),
  );
  const result = {
    system: 'Iceberg sink',
    round,
    rows: load.actions,
    workMs: endedMs - fetchedMs,
    warmUpMs: fetchedMs - startedMs,
    files: objects.length,
    fileBytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
    cpu: costsBetween(samples, fetchedMs, endedMs, load.actions),
    peakRss,
    contents: await readBack(
      context,
      objects.map(({ name }) => name),
    ),
  };
  await removeObjects(stack, warehouse);
  await removePlace(stack, database, control);
  return result;
}

function endedEarly({ ended }: StartedClient): Promise<never> {
  return ended.then(() => {
    throw new Error('Kafka Connect ended');
  });
}

async function makePlace(stack: BenchStack, database: string, control: string): Promise<void> {
  const sql = await stack.connect();
  await sql.query(`CREATE DATABASE ${database}`).finally(() => sql.end());
  const admin = connectKafka(stack).admin();
  await admin.connect();
  await admin
    .createTopics({ topics: [{ topic: control, numPartitions: 1, replicationFactor: 1 }] })
    .finally(() => admin.disconnect());
}

async function removePlace(stack: BenchStack, database: string, control: string): Promise<void> {
  const sql = await stack.connect();
  await sql.query(`DROP DATABASE ${database} WITH (FORCE)`).finally(() => sql.end());
  const admin = connectKafka(stack).admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [control] }).finally(() => admin.disconnect());
}

/** When the consumer began at the topic's start, by its log. */
function firstFetchMs(logFile: string, topic: string): number | null {
  const line = readFileSync(logFile, 'utf8')
    .split('\n')
    .find((text) => text.includes(`Resetting offset for partition ${topic}-`));
  const at = /\d{4}-\d\d-\d\dT[\d:.]+Z/.exec(line ?? '')?.[0];
  return at === undefined ? null : Date.parse(at);
}

interface Snapshot {
  readonly 'timestamp-ms': number;
  readonly summary: Readonly<Record<string, string>>;
}

/** Waits until a snapshot has all rows; returns its time. */
async function untilCommitted(
  { stack, load, stallMs }: ArchiveContext,
  database: string,
  logFile: string,
): Promise<number> {
  const sql = await connectTo(stack, database);
  const store = storeOf(stack);
  const root = `s3://${stack.config.objectStore.bucket}/`;
  let last = '';
  let lastChange = performance.now();
  try {
    for (;;) {
      await delay(POLL_MS);
      failWithTask(logFile);
      const location = await metadataLocation(sql);
      if (location !== last) {
        last = location;
        lastChange = performance.now();
        const body = await store.get(location.slice(root.length));
        const { snapshots = [] } = JSON.parse(body.toString()) as { snapshots?: Snapshot[] };
        const full = snapshots.find(
          ({ summary }) => Number(summary['total-records'] ?? 0) >= load.actions,
        );
        if (full !== undefined) return full['timestamp-ms'];
      } else if (performance.now() - lastChange > stallMs) {
        throw new Error(`Iceberg's sink committed nothing for ${String(stallMs / 1000)} s`);
      }
    }
  } finally {
    store.close();
    await sql.end();
  }
}

/** Connect goes on when its only task has failed. */
function failWithTask(logFile: string): void {
  const lines = readFileSync(logFile, 'utf8').split('\n');
  const at = lines.findIndex((line) => line.includes('Task threw an uncaught'));
  if (at >= 0) throw new Error(`the sink's task failed: ${lines[at + 1] ?? ''}\nLog: ${logFile}`);
}

/** Empty until the sink has made its table. */
async function metadataLocation(sql: pg.Client): Promise<string> {
  const { rows } = await sql.query<{ there: boolean }>(
    `SELECT to_regclass('iceberg_tables') IS NOT NULL AS there`,
  );
  if (rows[0]?.there !== true) return '';
  const tables = await sql.query<{ at: string }>(
    'SELECT metadata_location AS at FROM iceberg_tables',
  );
  return tables.rows[0]?.at ?? '';
}

async function connectTo(stack: BenchStack, database: string): Promise<pg.Client> {
  const url = new URL(stack.adminUrl);
  url.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: url.toString() });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function sinkConfig(
  { stack, load }: ArchiveContext,
  runId: string,
  place: { readonly database: string; readonly control: string; readonly warehouse: string },
) {
  const url = new URL(stack.adminUrl);
  const { objectStore } = stack.config;
  return {
    name: `bench-iceberg-${runId}`,
    'connector.class': 'org.apache.iceberg.connect.IcebergSinkConnector',
    'tasks.max': '1',
    topics: load.jsonTopic,
    'iceberg.tables': TABLE,
    'iceberg.tables.auto-create-enabled': 'true',
    'iceberg.control.topic': place.control,
    'iceberg.control.commit.interval-ms': String(COMMIT_INTERVAL_MS),
    'iceberg.kafka.bootstrap.servers': stack.brokers.join(','),
    'iceberg.catalog.catalog-impl': 'org.apache.iceberg.jdbc.JdbcCatalog',
    'iceberg.catalog.uri': `jdbc:postgresql://${url.host}/${place.database}`,
    'iceberg.catalog.jdbc.user': decodeURIComponent(url.username),
    'iceberg.catalog.jdbc.password': decodeURIComponent(url.password),
    'iceberg.catalog.jdbc.schema-version': 'V1',
    'iceberg.catalog.warehouse': `s3://${objectStore.bucket}/${place.warehouse.slice(0, -1)}`,
    'iceberg.catalog.io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
    'iceberg.catalog.s3.endpoint': objectStore.endpoint,
    'iceberg.catalog.s3.path-style-access': 'true',
    'iceberg.catalog.s3.access-key-id': objectStore.accessKey,
    'iceberg.catalog.s3.secret-access-key': objectStore.secretKey,
    'iceberg.catalog.client.region': 'us-east-1',
    'consumer.override.max.poll.records': String(POLL_ROWS),
  };
}
