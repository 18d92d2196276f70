import { describe, expect, test } from 'vitest';
import { CopyWriter } from '../../../../connectors/postgres/copy-writer.ts';
import { jsonbOfMap } from '../../../../connectors/postgres/jsonb.ts';

function body(write: (out: CopyWriter) => void, initial = 64): Buffer {
  const out = new CopyWriter(initial);
  out.row(1);
  write(out);
  return Buffer.from(out.take().subarray(19 + 2, -2));
}

describe('field forms', () => {
  test.each<[string, (out: CopyWriter) => void, string]>([
    ['null', (o) => o.null(), 'ffffffff'],
    ['int2', (o) => o.int2(-2), '00000002fffe'],
    ['int4', (o) => o.int4(-1), '00000004ffffffff'],
    ['int8 beyond 32 bits', (o) => o.int8(2 ** 40 + 5), '000000080000010000000005'],
    ['int8 below zero', (o) => o.int8(-3), '00000008fffffffffffffffd'],
    ['float8', (o) => o.float8(0.5), '000000083fe0000000000000'],
    ['bool', (o) => o.bool(true), '0000000101'],
    ['timestamptz at its epoch', (o) => o.timestamptz(946_684_800_000), '000000080000000000000000'],
    ['timestamptz before it', (o) => o.timestamptz(946_684_799_999), '00000008fffffffffffffc18'],
    ['short text', (o) => o.text('abc'), '00000003616263'],
    ['short text beyond ASCII', (o) => o.text('aé'), '0000000361c3a9'],
    ['jsonb', (o) => o.jsonb('{}'), '00000003017b7d'],
    ['empty array', (o) => o.array(20, [], () => undefined), '0000000c000000000000000000000014'],
  ])('%s', (_, write, hex) => {
    expect(body(write).toString('hex')).toBe(hex);
  });

  test('long text is UTF-8', () => {
    const text = 'ü'.repeat(30);
    expect(
      body((o) => o.text(text))
        .subarray(4)
        .toString(),
    ).toBe(text);
  });

  test('an array of int8 has dimensions, element type and elements', () => {
    const bytes = body((o) => {
      o.array(20, [1, 2], (v) => o.int8(v));
    });
    expect(bytes.readInt32BE(4)).toBe(1);
    expect(bytes.readInt32BE(12)).toBe(20);
    expect(bytes.readInt32BE(16)).toBe(2);
    expect(bytes.readInt32BE(0)).toBe(bytes.length - 4);
  });
});

test('grows over its first size and can be cut back to a position', () => {
  const out = new CopyWriter(64);
  for (let i = 0; i < 100; i++) {
    out.row(1);
    out.int8(i);
  }
  const { position, rows } = out;
  out.row(1);
  out.text('x'.repeat(1_000));
  out.truncate(position, rows);
  expect(out.rows).toBe(100);
  expect(out.take()).toHaveLength(19 + 100 * 14 + 2);
});

test('a map is written as jsonb prints it: shorter keys first, then bytewise', () => {
  expect(jsonbOfMap({ bb: '2', é: '3', a: 'x"y\n', zz: '' })).toBe(
    '{"a": "x\\"y\\n", "bb": "2", "zz": "", "é": "3"}',
  );
  expect(jsonbOfMap({})).toBe('{}');
});
