import { startConnect } from '../peers/connect.ts';
import type { RunContext, System } from './system.ts';
import { createPeerTable, type TableName } from './table.ts';
import { CONNECT_VERSION, DEBEZIUM_VERSION } from '../peers/jars.ts';

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

const SCHEMA = {
  type: 'struct',
  optional: false,
  fields: FIELDS.map(([field, type, name, optional]) => ({
    field,
    type,
    optional,
    ...(name === null ? {} : { name, version: 1 }),
  })),
};

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
    reset: (context) => createPeerTable(context, table),
    start: (context) =>
      startConnect({
        name: `connect-${context.runId}`,
        ...{ java, jars, schema: SCHEMA },
        workDir: context.workDir,
        logFile: context.logFile,
        brokers: context.stack.brokers,
        pluginDiscovery: 'only_scan',
        sink: sinkConfig(context, mode, table),
      }),
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
    'consumer.override.max.poll.records': String(BATCH),
  };
}
