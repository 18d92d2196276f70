import { describe, expect, it } from 'vitest';
import { checkBackwardTransitive } from '../../../schemas/compatibility.ts';
import { AVRO_SCHEMAS } from '../../../schemas/generated/avro.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';

const UUID = { type: 'fixed', name: 'Uuid', size: 16 };

function schema(...fields: readonly object[]): string {
  return JSON.stringify({ type: 'record', name: 'Thing', namespace: 'x', fields });
}

const BASE = schema({ name: 'id', type: UUID }, { name: 'size', type: 'int' });
const COLOURS = { type: 'enum', name: 'Colour', symbols: ['red', 'green'] };

describe('checkBackwardTransitive', () => {
  it.each([
    [
      'a new field without a default',
      [
        BASE,
        schema(
          { name: 'id', type: UUID },
          { name: 'size', type: 'int' },
          { name: 'new', type: 'string' },
        ),
      ],
      ['new', 'reader_field_needs_default'],
    ],
    [
      'a type that can not be promoted',
      [BASE, schema({ name: 'id', type: UUID }, { name: 'size', type: 'string' })],
      ['size', 'type_changed'],
    ],
    [
      'a type that shrank',
      [schema({ name: 'a', type: 'long' }), schema({ name: 'a', type: 'int' })],
      ['a', 'type_changed'],
    ],
    [
      'another size of a fixed',
      [BASE, schema({ name: 'id', type: { ...UUID, size: 8 } }, { name: 'size', type: 'int' })],
      ['id', 'fixed_size_changed'],
    ],
    [
      'another name of a fixed',
      [BASE, schema({ name: 'id', type: { ...UUID, name: 'Id' } }, { name: 'size', type: 'int' })],
      ['id', 'name_changed'],
    ],
    [
      'null taken out of a union',
      [schema({ name: 'a', type: ['null', 'int'] }), schema({ name: 'a', type: 'int' })],
      ['a', 'type_changed'],
    ],
    [
      'a branch taken out of a union',
      [
        schema({ name: 'a', type: ['null', 'string'] }),
        schema({ name: 'a', type: ['null', 'int'] }),
      ],
      ['a', 'union_branch_removed'],
    ],
    [
      'a symbol taken out of an enum',
      [
        schema({ name: 'a', type: COLOURS }),
        schema({ name: 'a', type: { ...COLOURS, symbols: ['red'] } }),
      ],
      ['a', 'enum_symbol_removed'],
    ],
    [
      'an item type inside a list',
      [
        schema({ name: 'a', type: { type: 'array', items: 'string' } }),
        schema({ name: 'a', type: { type: 'array', items: 'long' } }),
      ],
      ['a.items', 'type_changed'],
    ],
    [
      'a value type inside a map',
      [
        schema({ name: 'a', type: { type: 'map', values: 'double' } }),
        schema({ name: 'a', type: { type: 'map', values: 'long' } }),
      ],
      ['a.values', 'type_changed'],
    ],
    [
      'a reference to a named type',
      [
        schema({ name: 'id', type: UUID }, { name: 'other', type: 'Uuid' }),
        schema({ name: 'id', type: UUID }, { name: 'other', type: 'string' }),
      ],
      ['other', 'type_changed'],
    ],
  ])('names field and rule of %s', (_, versions, [field, rule]) => {
    expect(checkBackwardTransitive(versions)[0]).toMatchObject({ field, rule, newer: 2, older: 1 });
    // avsc's own resolution must refuse it as well.
    const [older, newer] = versions.map(parseAvro);
    expect(() => newer?.createResolver(older as never)).toThrow();
  });

  it.each([
    [
      'a new field with a default',
      [
        BASE,
        schema(
          { name: 'id', type: UUID },
          { name: 'size', type: 'int' },
          { name: 'n', type: 'int', default: 0 },
        ),
      ],
    ],
    ['a field taken away', [BASE, schema({ name: 'id', type: UUID })]],
    [
      'int becoming long',
      [schema({ name: 'a', type: 'int' }), schema({ name: 'a', type: 'long' })],
    ],
    [
      'int becoming double in a union',
      [
        schema({ name: 'a', type: 'int' }),
        schema({ name: 'a', type: ['null', 'double'], default: null }),
      ],
    ],
    [
      'a field renamed with an alias',
      [schema({ name: 'a', type: 'int' }), schema({ name: 'b', aliases: ['a'], type: 'int' })],
    ],
    [
      'a symbol taken out of an enum with a default',
      [
        schema({ name: 'a', type: COLOURS }),
        schema({ name: 'a', type: { ...COLOURS, symbols: ['red'], default: 'red' } }),
      ],
    ],
  ])('takes %s', (_, versions) => {
    expect(checkBackwardTransitive(versions)).toEqual([]);
  });

  it('holds the newest against all earlier versions, not only the last', () => {
    const one = schema({ name: 'a', type: 'int' });
    const two = schema({ name: 'b', type: 'int', default: 0 });
    const three = schema({ name: 'a', type: 'string', default: '' });
    const breaks = checkBackwardTransitive([one, two, three]);
    expect(breaks).toMatchObject([{ newer: 3, older: 1, field: 'a', rule: 'type_changed' }]);
  });

  it('finds no break in the schemas of this repository', () => {
    for (const versions of Object.values(AVRO_SCHEMAS)) {
      expect(checkBackwardTransitive(Object.values(versions))).toEqual([]);
    }
  });
});
