import { MarqueeError } from '../../common/error.ts';
import { AVRO_SCHEMAS } from '../../schemas/generated/avro.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import type { TopicRecords } from '../../schemas/generated/types.ts';
import { parseAvro } from '../../schemas/strict-avro.ts';
import { encodeWire, readWireHeader } from '../../schemas/wire.ts';
import { foreignSchema, notAvro, unreadableBody, unresolvableSchema } from './bad-record.ts';
import type { BadRecord } from './bad-record.ts';
import { createBodyReaders } from './body-readers.ts';
import type { BodyReader } from './body-readers.ts';
import { createRegistryClient } from './client.ts';
import type { RegistryClient, RegistryOptions } from './client.ts';
import { createKnownSchemas } from './known-schemas.ts';

export interface TopicReader<T> {
  /** True when `decode` may be called for it: the registry was asked, whatever it answered. */
  isKnown(schemaId: number): boolean;
  /**
   * Asks the registry about an id, once for all who ask meanwhile. An id that it does not know, or
   * that is no version of this topic's subject, is remembered for a short time only: it may come.
   * Throws MARQUEE_REGISTRY_UNAVAILABLE (retriable), which says nothing about the id.
   */
  ensureSchema(schemaId: number): Promise<void>;
  /**
   * Reads a value with its header. Throws MARQUEE_SCHEMA_NOT_LOADED for an id that was never
   * asked about: ids in values come from `readWireHeader`.
   */
  decode(value: Buffer): T | BadRecord;
}

export interface TopicWriter<T> {
  readonly schemaId: number;
  /** Throws MARQUEE_ENCODE_FAILED when the value does not fit the schema. */
  encode(value: T): Buffer;
}

export interface Codec {
  reader<K extends TopicName>(topic: K): TopicReader<TopicRecords[K]>;
  /**
   * A writer with the newest schema of this build. Throws MARQUEE_REGISTRY_UNAVAILABLE or, when
   * nobody has pushed that schema, MARQUEE_SCHEMA_NOT_REGISTERED (both retriable).
   */
  writer<K extends TopicName>(topic: K): Promise<TopicWriter<TopicRecords[K]>>;
}

export interface CodecOptions extends RegistryOptions {
  /** For so long an id that is no good is remembered. */
  readonly negativeTtlMs?: number;
  readonly client?: RegistryClient;
}

const NEGATIVE_TTL_MS = 15_000;

export function createCodec(options: CodecOptions): Codec {
  const client = options.client ?? createRegistryClient(options);
  const negativeTtlMs = options.negativeTtlMs ?? NEGATIVE_TTL_MS;
  return {
    reader: (topic) => createReader(topic, client, negativeTtlMs),
    writer: (topic) => createWriter(topic, client),
  };
}

/** The newest schema of a topic in this build, as the text that is registered. */
export function newestSchema(topic: TopicName): string {
  const version = TOPICS[topic].versions.at(-1);
  const schemas: Readonly<Record<number, string>> = AVRO_SCHEMAS[topic];
  const text = version === undefined ? undefined : schemas[version];
  if (text === undefined) throw new Error(`${topic} has no schema`);
  return text;
}

function createReader<T>(
  topic: TopicName,
  client: RegistryClient,
  negativeTtlMs: number,
): TopicReader<T> {
  const { subject } = TOPICS[topic];
  const known = createKnownSchemas(negativeTtlMs);
  const asking = new Map<number, Promise<void>>();
  const makeBody = createBodyReaders(topic, newestSchema(topic));
  // Records of one schema follow each other.
  let lastId = -1;
  let lastRead: BodyReader | null = null;

  async function ask(schemaId: number): Promise<void> {
    const foreign = foreignSchema(schemaId, await client.subjectsOf(schemaId), subject);
    if (foreign !== null) {
      known.refuse(schemaId, foreign, Date.now());
      return;
    }
    try {
      known.accept(schemaId, makeBody(await client.typeOf(schemaId)));
    } catch (error) {
      if (error instanceof MarqueeError && error.retriable) throw error;
      known.refuse(schemaId, unresolvableSchema(schemaId, error), Date.now());
    }
  }

  function readBody(read: BodyReader, value: Buffer): T | BadRecord {
    try {
      return read(value) as T;
    } catch (error) {
      return unreadableBody(error);
    }
  }

  return {
    isKnown: (schemaId) => known.isKnown(schemaId, Date.now()),
    ensureSchema(schemaId) {
      if (this.isKnown(schemaId)) return Promise.resolve();
      let answer = asking.get(schemaId);
      if (answer === undefined) {
        answer = ask(schemaId).finally(() => asking.delete(schemaId));
        asking.set(schemaId, answer);
      }
      return answer;
    },
    decode(value) {
      const schemaId = readWireHeader(value);
      if (schemaId === lastId && lastRead !== null) return readBody(lastRead, value);
      if (schemaId === null) return notAvro(value);
      const schema = known.get(schemaId);
      if (schema === undefined) throw notLoaded(schemaId, subject);
      if ('bad' in schema) return schema.bad;
      lastId = schemaId;
      lastRead = schema.read;
      return readBody(schema.read, value);
    },
  };
}

function notLoaded(schemaId: number, subject: string): MarqueeError {
  return new MarqueeError(
    'MARQUEE_SCHEMA_NOT_LOADED',
    `schema ${schemaId} of ${subject} was read before it was asked for (ensureSchema)`,
  );
}

async function createWriter<T>(topic: TopicName, client: RegistryClient): Promise<TopicWriter<T>> {
  const { subject } = TOPICS[topic];
  const text = newestSchema(topic);
  const schemaId = await client.findId(subject, text);
  if (schemaId === null) {
    throw new MarqueeError(
      'MARQUEE_SCHEMA_NOT_REGISTERED',
      `the registry has no such schema in ${subject}. Register it: marquee schema push`,
      { retriable: true },
    );
  }
  const type = parseAvro(text);
  return {
    schemaId,
    encode(value) {
      try {
        return encodeWire(schemaId, type, value);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new MarqueeError('MARQUEE_ENCODE_FAILED', `${topic}: ${why}`, { cause });
      }
    },
  };
}
