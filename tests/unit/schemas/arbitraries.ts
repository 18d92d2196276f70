import fc from 'fast-check';
import type { AvroRecord, AvroType } from '../../../schemas/codegen/model.ts';

/** Any value of an Avro type, edge cases included. */
export function anyOf(type: AvroType): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'int':
      return fc.integer();
    case 'long':
      return fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.constantFrom(0, -1, 2 ** 31, 2 ** 35));
    case 'float':
    case 'double':
      return fc.double({ noNaN: true });
    case 'string':
      return text;
    case 'bytes':
      return fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    case 'fixed': {
      const { size } = type;
      return fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes));
    }
    case 'array':
      return fc.array(anyOf(type.items), { maxLength: 6 });
    case 'map':
      return fc.dictionary(text, anyOf(type.values), { maxKeys: 5, noNullPrototype: true });
    case 'optional':
      return fc.option(anyOf(type.of));
  }
}

// avsc itself turns half a surrogate pair into U+FFFD when it writes.
const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('', 'view', '__proto__', '\ufeffbom', '\ufffd', 'é', '\u0080', '\0'),
);

export function anyRecord(record: AvroRecord): fc.Arbitrary<Record<string, unknown>> {
  const fields = record.fields.map(({ name, type }) => [name, anyOf(type)]);
  return fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, {
    noNullPrototype: true,
  });
}
