import type avro from 'avsc';
import { createCursor, readWhole } from '../../schemas/cursor.ts';
import { AVRO_SCHEMAS } from '../../schemas/generated/avro.ts';
import { PLAIN_READERS } from '../../schemas/generated/plain-readers.ts';
import { READERS } from '../../schemas/generated/readers.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import { parseAvro } from '../../schemas/strict-avro.ts';
import { WIRE_HEADER_BYTES } from '../../schemas/wire.ts';

/** Reads a body that begins behind the wire header; throws on bytes that do not fit. */
export type BodyReader = (value: Buffer) => unknown;

/**
 * Makes readers from a writer's schema to the newest of this build: a generated one for the
 * versions that this build knows, avsc's resolution for the others (a newer producer's).
 */
export function createBodyReaders(
  topic: TopicName,
  newestSchema: string,
): (writer: avro.Type) => BodyReader {
  const target = parseAvro(newestSchema);
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
      throw new RangeError(`${value.length - offset} bytes left over`);
    }
    return decoded.value as unknown;
  };
}
