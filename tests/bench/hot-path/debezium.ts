import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../cli/stack/ports.ts';
import { startChild } from '../runner/child.ts';
import type { RunContext, System } from './system.ts';
import { createPeerTable } from './table.ts';
import type { TableName } from './table.ts';
import { CONNECT_VERSION, DEBEZIUM_VERSION } from '../peers/install.ts';
import { properties } from '../peers/properties.ts';

export type DebeziumMode = 'insert' | 'upsert';

const BATCH = 10_000;

/** The record's schema, which JsonConverter is given apart from the messages. */
const FIELDS: readonly (readonly [string, string, string | null, boolean])[] = [
  ['event_id', 'string', 'io.debezium.data.Uuid', false],
  ['occurred_at', 'string', 'io.debezium.time.ZonedTimestamp', false],
  ['received_at', 'string', 'io.debezium.time.ZonedTimestamp', false],
  ['movie_id', 'int64', null, true],
  ['value', 'double', null, true],
  ['kafka_offset', 'int64', null, false],
  ['kafka_partition', 'int32', null, false],
  ['position', 'int32', null, true],
  ['request_id', 'string', 'io.debezium.data.Uuid', true],
  ['user_id', 'string', null, false],
  ['action', 'string', null, false],
  ['session_id', 'string', null, true],
  ['device', 'string', null, true],
  ['app', 'string', null, false],
  ['app_version', 'string', null, true],
  ['properties', 'string', 'io.debezium.data.Json', false],
];

function schemaContent(): string {
  return JSON.stringify({
    type: 'struct',
    optional: false,
    fields: FIELDS.map(([field, type, name, optional]) => ({
      field,
      type,
      optional,
      ...(name === null ? {} : { name, version: 1 }),
    })),
  });
}

/**
 * Debezium's JDBC sink on Kafka Connect standalone, one task. `insert` is its fastest mode, with
 * resends failing on the primary key; `upsert` removes them.
 */
export function debeziumSystem(jars: string, java: string, mode: DebeziumMode): System {
  const table: TableName = { schema: 'bench', table: `debezium_${mode}` };
  return {
    name: `Debezium ${mode}`,
    description:
      `debezium-connector-jdbc ${DEBEZIUM_VERSION} on Kafka Connect ${CONNECT_VERSION} standalone, ` +
      `one task, JSON, batch.size and max.poll.records ${String(BATCH)}, unnest; ` +
      (mode === 'insert'
        ? 'insert.mode=insert, at least once (a resend stops it at the primary key)'
        : 'insert.mode=upsert on event_id, at least once delivery with idempotent writes'),
    table,
    async prepare({ stack, load }) {
      const sql = await stack.connect();
      try {
        await createPeerTable(sql, table, load.firstMs, load.lastMs, []);
      } finally {
        await sql.end();
      }
    },
    async start(context) {
      const worker = join(context.workDir, `connect-${context.runId}.properties`);
      const sink = join(context.workDir, `sink-${context.runId}.properties`);
      writeFileSync(worker, properties(await workerConfig(context)), { mode: 0o600 });
      writeFileSync(sink, properties(sinkConfig(context, mode, table)), { mode: 0o600 });
      return startChild({
        command: java,
        // The heap that Connect's own start script gives.
        args: [
          '-Xms256M',
          '-Xmx2G',
          '-XX:+UseG1GC',
          '-XX:MaxGCPauseMillis=20',
          '-Duser.timezone=UTC',
          '-Dorg.slf4j.simpleLogger.defaultLogLevel=info',
          '-cp',
          join(jars, '*'),
          'org.apache.kafka.connect.cli.ConnectStandalone',
          worker,
          sink,
        ],
        env: {},
        logFile: context.logFile,
        cwd: context.workDir,
      });
    },
  };
}

async function workerConfig({ stack, workDir, runId }: RunContext) {
  return {
    'bootstrap.servers': stack.brokers.join(','),
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter.schemas.enable': 'true',
    'value.converter.schema.content': schemaContent(),
    'offset.storage.file.filename': join(workDir, `connect-${runId}.offsets`),
    'offset.flush.interval.ms': '5000',
    // Everything is on the class path: a plugin folder of its own would load some jars twice.
    'plugin.discovery': 'only_scan',
    listeners: `http://127.0.0.1:${String(await freePort(new Set()))}`,
  };
}

function sinkConfig({ stack, load, runId }: RunContext, mode: DebeziumMode, table: TableName) {
  const url = new URL(stack.adminUrl);
  return {
    name: `bench-${mode}-${runId}`,
    'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
    'tasks.max': '1',
    topics: load.jsonTopic,
    'connection.url': `jdbc:postgresql://${url.host}${url.pathname}`,
    'connection.username': url.username,
    'connection.password': url.password,
    'insert.mode': mode,
    'primary.key.mode': mode === 'upsert' ? 'record_value' : 'none',
    ...(mode === 'upsert' ? { 'primary.key.fields': 'event_id' } : {}),
    'dialect.postgres.unnest.insert.enabled': 'true',
    'schema.evolution': 'none',
    'collection.name.format': `${table.schema}.${table.table}`,
    'batch.size': String(BATCH),
    'consumer.override.auto.offset.reset': 'earliest',
    'consumer.override.max.poll.records': String(BATCH),
    'consumer.override.fetch.min.bytes': '1048576',
    'consumer.override.fetch.max.wait.ms': '100',
    'consumer.override.max.partition.fetch.bytes': '8388608',
  };
}
