import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortKeys } from '../../../../archive/format/sort-keys.ts';

interface Row {
  readonly user: string;
  readonly id: Uint8Array;
}

/** The order as it is meant, key by key. */
function plainOrder(rows: readonly Row[]): number[] {
  return rows
    .map((row, at) => ({ user: Buffer.from(row.user), id: row.id, at }))
    .sort((a, b) => a.user.compare(b.user) || Buffer.compare(a.id, b.id) || a.at - b.at)
    .map(({ at }) => at);
}

function orderOf(rows: readonly Row[]): number[] {
  const keys = new SortKeys(rows.length);
  for (const { user, id } of rows) {
    const bytes = Buffer.from(user);
    // Both stand somewhere within what they are taken from.
    const around = Buffer.concat([Buffer.from('x'), bytes, Buffer.from('y'), id]);
    keys.add(around, 1, bytes.length, around, bytes.length + 2);
  }
  return [...keys.order()];
}

/** Users that begin alike, end where others go on, or lie outside ASCII; ids that differ late. */
const user = fc.oneof(
  fc.nat(40).map((n) => `user-${n}`),
  fc.nat(9).map((n) => 'a'.repeat(n)),
  fc.nat(9).map((n) => `tenant-with-a-long-name/${'0'.repeat(n)}`),
  fc.constantFrom('ä', 'é', 'żółw', '😀', '\u0001', '~'),
);
const id = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.tuple(fc.nat(2), fc.nat(255)).map(([first, last]) => {
    const bytes = new Uint8Array(16).fill(7);
    bytes[0] = first;
    bytes[15] = last;
    return bytes;
  }),
);

test('rows order by user, id and arrival, whatever they have in common', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ user, id }), { maxLength: 400, size: 'max' }), (rows) => {
      expect(orderOf(rows)).toEqual(plainOrder(rows));
    }),
    { numRuns: 200 },
  );
});

test('many rows of one user, resends among them', () => {
  const rows = Array.from({ length: 3_000 }, (_, n) => {
    const bytes = new Uint8Array(16);
    bytes[5] = (n * 7) % 200;
    bytes[15] = (n * 11) % 5;
    return { user: n % 50 === 0 ? 'other' : 'user-1', id: bytes };
  });
  expect(orderOf(rows)).toEqual(plainOrder(rows));
});
