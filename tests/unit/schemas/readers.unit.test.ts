import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolvingReader } from '../../../connectors/registry/body-readers.ts';
import { parseRecord } from '../../../schemas/codegen/model.ts';
import { createCursor, readWhole } from '../../../schemas/cursor.ts';
import { AVRO_SCHEMAS } from '../../../schemas/generated/avro.ts';
import { READERS } from '../../../schemas/generated/readers.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import type { TopicName } from '../../../schemas/generated/topics.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';
import { InvalidText } from '../../../common/utf8.ts';
import { encodeWire, WIRE_HEADER_BYTES } from '../../../schemas/wire.ts';
import { anyRecord } from './arbitraries.ts';

const cases = Object.values(TOPICS).flatMap(({ name, versions }) => {
  return versions.map((version) => ({ name, version }));
});

/** Both ways to read a version's bytes as the newest: by the generated reader, and by avsc. */
function readersOf(name: TopicName, version: number) {
  const schemas: Readonly<Record<number, string>> = AVRO_SCHEMAS[name];
  const newest = schemas[TOPICS[name].versions.at(-1) ?? 0] as string;
  const writer = parseAvro(schemas[version] as string);
  const read = READERS[name][version];
  if (read === undefined) throw new Error(`no reader of ${name} ${version}`);
  const cursor = createCursor();
  const general = resolvingReader(parseAvro(newest), writer);
  return {
    writer,
    record: parseRecord(JSON.parse(schemas[version] as string), name),
    /** What the newest version says of a field that was not written. */
    defaults: Object.fromEntries(
      parseRecord(JSON.parse(newest), name)
        .fields.filter(({ hasDefault }) => hasDefault)
        .map((field) => [field.name, field.fallback]),
    ),
    generated: (bytes: Buffer) => readWhole<unknown>(cursor, read, bytes, WIRE_HEADER_BYTES),
    // Plain objects: avsc's are of a class of its own.
    general: (bytes: Buffer) => ({ ...(general(bytes) as object) }),
  };
}

function outcome(read: (bytes: Buffer) => unknown, bytes: Buffer): unknown {
  try {
    return read(bytes);
  } catch (error) {
    return error instanceof InvalidText ? 'invalid text' : 'undecodable';
  }
}

describe.each(cases)('the generated reader of $name, version $version', ({ name, version }) => {
  const { writer, record, defaults, generated, general } = readersOf(name, version);

  it('reads what avsc wrote as avsc reads it', () => {
    fc.assert(
      fc.property(anyRecord(record), (value) => {
        const bytes = encodeWire(1, writer, value);
        expect(generated(bytes)).toEqual(general(bytes));
      }),
      { numRuns: 300 },
    );
  });

  it('reads back what was written', () => {
    fc.assert(
      fc.property(anyRecord(record), (value) => {
        const read = { ...defaults, ...value };
        expect(generated(encodeWire(1, writer, value))).toEqual(read);
      }),
      { numRuns: 300 },
    );
  });

  it('agrees with avsc about damaged bytes', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 });
    fc.assert(
      fc.property(
        anyRecord(record),
        damage,
        fc.integer({ min: -3, max: 2 }),
        (value, hits, cut) => {
          let bytes = Buffer.from(encodeWire(1, writer, value));
          const body = bytes.length - WIRE_HEADER_BYTES;
          for (const [at, byte] of hits) bytes[WIRE_HEADER_BYTES + (at % body)] = byte;
          if (cut < 0) bytes = bytes.subarray(0, Math.max(WIRE_HEADER_BYTES, bytes.length + cut));
          if (cut > 0) bytes = Buffer.concat([bytes, Buffer.alloc(cut)]);
          expect(outcome(generated, bytes)).toEqual(outcome(general, bytes));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('reading', () => {
  const { writer, generated, general } = readersOf('recommendation-serves.v1', 1);
  const serve = {
    request_id: Buffer.alloc(16),
    user_id: 'u',
    served_at: 0,
    source: 'batch',
    algorithm: 'als',
    movie_ids: [],
    app: 'web',
  };
  const good = encodeWire(1, writer, serve);

  it('gives up at once on a list that claims more items than there are bytes', () => {
    // movie_ids is the first empty list: its length becomes 2^40.
    const at = good.indexOf(Buffer.concat([Buffer.from('als'), Buffer.alloc(3)])) + 5;
    const length = Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x40]);
    const bomb = Buffer.concat([good.subarray(0, at), length, good.subarray(at + 1)]);
    for (const read of [generated, general]) {
      const startedAt = performance.now();
      expect(() => read(bomb)).toThrow(/truncated/);
      expect(performance.now() - startedAt).toBeLessThan(500);
    }
  });

  it('reads lists in several blocks, also those that say their bytes', () => {
    const at = good.indexOf(Buffer.concat([Buffer.from('als'), Buffer.alloc(3)])) + 5;
    // Two items as one block of -1 with its size, one block of 1, and the end.
    const blocks = Buffer.from([0x01, 0x02, 0x0a, 0x02, 0x0c, 0x00]);
    const bytes = Buffer.concat([good.subarray(0, at), blocks, good.subarray(at + 1)]);
    for (const read of [generated, general])
      expect(read(bytes)).toMatchObject({ movie_ids: [5, 6] });
  });

  it('refuses text that is not UTF-8 instead of mending it', () => {
    const bytes = Buffer.from(good);
    bytes[bytes.indexOf('als')] = 0xff;
    for (const read of [generated, general]) expect(() => read(bytes)).toThrow(InvalidText);
  });
});
