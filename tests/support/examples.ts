import { newestSchema } from '../../connectors/registry/codec.ts';
import type { Example } from '../../schemas/examples.ts';
import { AVRO_SCHEMAS } from '../../schemas/generated/avro.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import { parseAvro } from '../../schemas/strict-avro.ts';
import { encodeWire } from '../../schemas/wire.ts';
import { createBatchDecoder } from '../../streams/runtime/commit/decode-batch.ts';
import type { DecodedBatch } from '../../streams/runtime/commit/decode-batch.ts';
import { createSchemaLoader } from '../../streams/runtime/consume/schema-loader.ts';
import type { Processor } from '../../streams/runtime/processor.ts';
import { DEFAULT_SETTINGS } from '../../streams/runtime/settings.ts';
import type { ColumnKind } from './copy-rows.ts';
import { localCodec, record, schemaIdOf } from './records.ts';

/** Decodes single example messages as the processor does, with rows whether it wants them or not. */
export async function createExampleDecoder(
  processor: Processor,
): Promise<(example: Example) => DecodedBatch<unknown>> {
  const { topic } = processor.source;
  const schemas = createSchemaLoader<unknown>(localCodec().reader(topic));
  const ids = TOPICS[topic].versions.map((version) => schemaIdOf(topic, version));
  await schemas.load(ids.map((id, n) => record(n, null, Buffer.from([0, 0, 0, 0, id]))));
  const { decode } = createBatchDecoder(
    { ...processor, wantsRows: true },
    schemas,
    DEFAULT_SETTINGS,
  );
  return (example) => {
    const records = [record(0, example.key, encodeExample(example), example.receivedAt)];
    return decode([{ partition: 0, from: 0, next: 1, records }]);
  };
}

/** By the version of the schema that it is an example of. */
export function encodeExample({ topic, version, value }: Example): Buffer | null {
  const schemas: Readonly<Record<number, string>> = AVRO_SCHEMAS[topic];
  if (value === null) return null;
  return encodeWire(schemaIdOf(topic, version), parseAvro(schemas[version] as string), value);
}

/** Columns that no field of a schema is named like. */
const OTHER_COLUMNS: ReadonlyMap<string, ColumnKind> = new Map([
  ['received_at', 'timestamptz'],
  ['kafka_partition', 'int4'],
  ['kafka_offset', 'int8'],
  ['withdrawn', 'bool'],
]);

/** A word of the field's Avro type, and the column's kind; the first that is found counts. */
const KINDS: readonly (readonly [RegExp, ColumnKind])[] = [
  [/timestamp-millis/, 'timestamptz'],
  [/"map"/, 'jsonb'],
  [/"array"/, 'array'],
  [/uuid/i, 'uuid'],
  [/"long"/, 'int8'],
  [/"int"/, 'int4'],
  [/"double"/, 'float8'],
  [/"boolean"/, 'bool'],
  [/"string"/, 'text'],
];

/** The kind of each column of a topic's rows: as the field of its name has it in the schema. */
export function columnKinds(topic: TopicName, columns: readonly string[]): [string, ColumnKind][] {
  const { fields } = JSON.parse(newestSchema(topic)) as {
    fields: { name: string; type: unknown }[];
  };
  return columns.map((column) => {
    const type = JSON.stringify(fields.find(({ name }) => name === column)?.type ?? null);
    const kind = OTHER_COLUMNS.get(column) ?? KINDS.find(([word]) => word.test(type))?.[1];
    if (kind === undefined) throw new Error(`${topic}: no field and no kind for ${column}`);
    return [column, kind];
  });
}
