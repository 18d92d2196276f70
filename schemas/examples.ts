import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRecord } from './codegen/model.ts';
import type { AvroRecord, AvroType } from './codegen/model.ts';
import { AVRO_SCHEMAS } from './generated/avro.ts';
import { TOPICS } from './generated/topics.ts';
import type { TopicName } from './generated/topics.ts';
import type { TopicRecords } from './generated/types.ts';
import type { DeadLetterReason } from './reasons.ts';
import { parseUuid } from '../common/uuid.ts';

/** One examples/<topic>/<version>/<name>.json, ready to be put on a topic or into a processor. */
export interface Example<K extends TopicName = TopicName> {
  readonly topic: K;
  readonly version: number;
  readonly name: string;
  /** The point that it shows. */
  readonly about: string;
  readonly key: string;
  /** In decoded form, as the newest version reads it; null is a tombstone. */
  readonly value: TopicRecords[K] | null;
  /** Epoch milliseconds of the broker's append time. */
  readonly receivedAt: number;
  /** Its end: the same for every processor that it concerns. */
  readonly outcome: 'ok' | 'too_late' | DeadLetterReason;
}

interface ExampleFile {
  readonly about: string;
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>> | null;
  readonly receivedAt: string;
  readonly outcome?: Example['outcome'];
}

/** Reads the examples of a topic, by version and name. Throws with the file and field at fault. */
export async function readExamples<K extends TopicName>(topic: K): Promise<Example<K>[]> {
  const root = join(import.meta.dirname, 'examples', topic);
  const versions = (await readdir(root)).map(Number).toSorted((a, b) => a - b);
  const lists = await Promise.all(
    versions.map((version) => readVersion(topic, version, join(root, String(version)))),
  );
  return lists.flat();
}

async function readVersion<K extends TopicName>(
  topic: K,
  version: number,
  folder: string,
): Promise<Example<K>[]> {
  const schemas: Readonly<Record<number, string>> = AVRO_SCHEMAS[topic];
  const parse = (n: number) => parseRecord(JSON.parse(schemas[n] ?? 'null'), `${topic}/${n}`);
  const record = parse(version);
  const added = defaultsOf(parse(TOPICS[topic].versions.at(-1) ?? 0));
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json')).toSorted();
  return Promise.all(
    files.map(async (file): Promise<Example<K>> => {
      const path = join(folder, file);
      const json = JSON.parse(await readFile(path, 'utf8')) as ExampleFile;
      const { about, key, receivedAt, outcome = 'ok' } = json;
      const value =
        json.value === null ? null : { ...added, ...fromReadable(record, json.value, path) };
      return {
        topic,
        version,
        name: file.slice(0, -'.json'.length),
        about,
        key,
        value: value as unknown as TopicRecords[K] | null,
        receivedAt: Date.parse(receivedAt),
        outcome,
      };
    }),
  );
}

function defaultsOf(record: AvroRecord): Record<string, unknown> {
  const optional = record.fields.filter(({ hasDefault }) => hasDefault);
  return Object.fromEntries(optional.map((field) => [field.name, field.fallback]));
}

/**
 * Readable form to decoded form: uuids and times are text there, bytes base64, defaults left out.
 */
export function fromReadable(
  record: AvroRecord,
  json: Readonly<Record<string, unknown>>,
  place: string,
): Record<string, unknown> {
  const names = record.fields.map(({ name }) => name);
  const stray = Object.keys(json).find((key) => !names.includes(key));
  if (stray !== undefined) throw new Error(`${place}: ${record.name} has no field ${stray}`);
  const entries = record.fields.map(({ name, type, hasDefault, fallback }) => {
    const value = json[name];
    if (value === undefined && !hasDefault) throw new Error(`${place}: ${name} is missing`);
    return [name, convert(type, value === undefined ? fallback : value, `${place}: ${name}`)];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function convert(type: AvroType, value: unknown, place: string): unknown {
  switch (type.kind) {
    case 'optional':
      return value === null ? null : convert(type.of, value, place);
    case 'fixed': {
      const bytes = parseUuid(String(value));
      if (bytes === null) throw new Error(`${place} is no uuid: ${String(value)}`);
      return bytes;
    }
    case 'long': {
      if (typeof value !== 'string') return value;
      const ms = Date.parse(value);
      if (Number.isNaN(ms)) throw new Error(`${place} is no time: ${value}`);
      return ms;
    }
    case 'bytes':
      return Buffer.from(String(value), 'base64');
    case 'map': {
      const entries = Object.entries(value as object);
      return Object.fromEntries(entries.map(([k, v]) => [k, convert(type.values, v, place)]));
    }
    default:
      return value;
  }
}
