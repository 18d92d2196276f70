import type avro from 'avsc';
import { MarqueeError } from '../../common/error.ts';
import { createCursor, readWhole } from '../../schemas/cursor.ts';
import { AVRO_SCHEMAS } from '../../schemas/generated/avro.ts';
import { READERS } from '../../schemas/generated/readers.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import type { TopicRecords } from '../../schemas/generated/types.ts';
import { PLAIN_READERS } from '../../schemas/generated/plain-readers.ts';
import type { DeadLetterReason } from '../../schemas/reasons.ts';
import { parseAvro } from '../../schemas/strict-avro.ts';
import { InvalidText } from '../../common/utf8.ts';
import { encodeWire, readWireHeader, WIRE_HEADER_BYTES } from '../../schemas/wire.ts';
import { createRegistryClient } from './client.ts';
import type { RegistryClient, RegistryOptions } from './client.ts';

/** Why a record can't be read: a value and not a throw, since it is the record that is at fault. */
export interface BadRecord {
  readonly reason: DeadLetterReason;
  readonly detail: string;
}

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
  /** How long an id that is no good is remembered. */
  readonly negativeTtlMs?: number;
  readonly client?: RegistryClient;
}

/** Reads a body that begins behind the wire header; throws on bytes that do not fit. */
export type BodyReader = (value: Buffer) => unknown;

type Entry =
  { readonly read: BodyReader } | { readonly bad: BadRecord; readonly askAgainAt: number };

const NEGATIVE_TTL_MS = 15_000;
/** Ids remembered per topic; beyond it those that are no good are forgotten, oldest first. */
const ENTRIES_MAX = 10_000;

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
  const entries = new Map<number, Entry>();
  const asking = new Map<number, Promise<void>>();
  const makeBody = createBodyReaders(topic);
  // Records of one schema follow each other.
  let lastId = -1;
  let lastRead: BodyReader | null = null;

  async function ask(schemaId: number): Promise<void> {
    const subjects = await client.subjectsOf(schemaId);
    const id = String(schemaId);
    if (subjects === null) {
      refuse(schemaId, 'unknown_schema', `the registry has no schema ${id}`);
      return;
    }
    if (!subjects.includes(subject)) {
      const where = subjects.length === 0 ? 'no subject' : subjects.slice(0, 3).join(', ');
      refuse(schemaId, 'wrong_schema', `schema ${id} is of ${where}, not of ${subject}`);
      return;
    }
    try {
      entries.set(schemaId, { read: makeBody(await client.typeOf(schemaId)) });
    } catch (error) {
      if (error instanceof MarqueeError && error.retriable) throw error;
      const why = error instanceof Error ? error.message : String(error);
      refuse(schemaId, 'wrong_schema', `schema ${id} can't be read as this version's: ${why}`);
    }
  }

  function refuse(schemaId: number, reason: DeadLetterReason, detail: string): void {
    entries.delete(schemaId);
    entries.set(schemaId, { bad: { reason, detail }, askAgainAt: Date.now() + negativeTtlMs });
    if (entries.size <= ENTRIES_MAX) return;
    for (const [id, entry] of entries) {
      if (!('bad' in entry)) continue;
      entries.delete(id);
      if (entries.size <= ENTRIES_MAX) break;
    }
  }

  function readBody(read: BodyReader, value: Buffer): T | BadRecord {
    try {
      return read(value) as T;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { reason: error instanceof InvalidText ? 'invalid_text' : 'undecodable', detail };
    }
  }

  return {
    isKnown(schemaId) {
      const entry = entries.get(schemaId);
      return entry !== undefined && ('read' in entry || Date.now() < entry.askAgainAt);
    },
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
      const entry = entries.get(schemaId);
      if (entry === undefined) throw notLoaded(schemaId, subject);
      if ('bad' in entry) return entry.bad;
      lastId = schemaId;
      lastRead = entry.read;
      return readBody(entry.read, value);
    },
  };
}

/**
 * Makes readers from a writer's schema to the newest of this build: a generated one for the versions
 * that this build knows, avsc's resolution for the others (a newer producer's).
 */
function createBodyReaders(topic: TopicName): (writer: avro.Type) => BodyReader {
  const target = parseAvro(newestSchema(topic));
  const schemas: Readonly<Record<number, string>> = AVRO_SCHEMAS[topic];
  const known = TOPICS[topic].versions.map((version) => {
    return { type: parseAvro(schemas[version] as string), read: READERS[topic][version] };
  });
  return (writer) => {
    const same = known.find(({ type }) => type.equals(writer));
    if (same?.read === undefined) return resolvingReader(target, writer);
    const { read } = same;
    const cursor = createCursor();
    const general: BodyReader = (value) =>
      readWhole<unknown>(cursor, read, value, WIRE_HEADER_BYTES);
    const plain = same === known.at(-1) ? PLAIN_READERS[topic] : undefined;
    return plain === undefined ? general : (value) => plain(value) ?? general(value);
  };
}

/** Reads what any compatible schema wrote. */
export function resolvingReader(target: avro.Type, writer: avro.Type): BodyReader {
  const resolver = target.createResolver(writer);
  return (value) => {
    const decoded = target.decode(value, WIRE_HEADER_BYTES, resolver);
    const { offset } = decoded;
    if (offset < 0) throw new RangeError('truncated');
    if (offset < value.length) {
      throw new RangeError(`${String(value.length - offset)} bytes left over`);
    }
    return decoded.value as unknown;
  };
}

function notAvro(value: Buffer): BadRecord {
  const first = value.subarray(0, 8).toString('hex');
  const detail = `${String(value.length)} bytes beginning with ${first || 'nothing'}: no wire header`;
  return { reason: 'not_avro', detail };
}

function notLoaded(schemaId: number, subject: string): MarqueeError {
  return new MarqueeError(
    'MARQUEE_SCHEMA_NOT_LOADED',
    `schema ${String(schemaId)} of ${subject} was read before it was asked for (ensureSchema)`,
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
