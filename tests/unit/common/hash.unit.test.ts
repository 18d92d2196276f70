import { expect, test } from 'vitest';
import {
  addHash,
  createHash128,
  hashToBytes,
  hashToDecimal,
  murmur128,
  murmur128Words,
  subtractHash,
} from '../../../common/hash.ts';

// Vectors by the Python package mmh3 5.3 (hash64, seed 0, x64arch=False), as (high << 64) | low.
const VECTORS: readonly [Buffer, string][] = [
  [Buffer.alloc(0), '0'],
  [Buffer.from('a'), '113434489041213500048022512522444968764'],
  [Buffer.from('0123456789abcdef'), '115867321127588614773834278849210041353'],
  [Buffer.from('0123456789abcdefg'), '332093860347452939709680487405354719286'],
  [Buffer.from(Array.from({ length: 256 }, (_, i) => i)), '97431559281111809997269275467939498127'],
];

function hashOf(bytes: Buffer) {
  const hash = createHash128();
  murmur128(hash, bytes, 0, bytes.length);
  return hash;
}

test.each(VECTORS)('hashes as the reference implementation does (%#)', (bytes, expected) => {
  expect(hashToDecimal(hashOf(bytes))).toBe(expected);
});

test('hashes words as it hashes their bytes, whatever the length', () => {
  const bytes = Buffer.from(Array.from({ length: 40 }, (_, i) => (i * 37 + 5) & 255));
  for (let length = 0; length <= bytes.length; length++) {
    const words = new Int32Array(12);
    new Uint8Array(words.buffer).set(bytes.subarray(0, length), 4);
    const hash = createHash128();
    murmur128Words(hash, words, 1, length);
    expect(hash).toEqual(hashOf(bytes.subarray(0, length)));
  }
});

test('hashes the range given and nothing beside it', () => {
  const padded = Buffer.concat([Buffer.from('xx'), Buffer.from('a'), Buffer.from('yyyy')]);
  const hash = createHash128();
  murmur128(hash, padded, 2, 3);
  expect(hash).toEqual(hashOf(Buffer.from('a')));
});

test('sums wrap at 2^128 and subtraction undoes addition', () => {
  const all = createHash128().fill(0xffffffff);
  const one = createHash128();
  one[0] = 1;
  addHash(all, one);
  expect(hashToDecimal(all)).toBe('0');
  subtractHash(all, one);
  expect(hashToDecimal(all)).toBe((2n ** 128n - 1n).toString());
});

test('sums do not depend on the order', () => {
  const hashes = VECTORS.map(([bytes]) => hashOf(bytes));
  const forward = createHash128();
  const backward = createHash128();
  for (const hash of hashes) addHash(forward, hash);
  for (const hash of hashes.toReversed()) addHash(backward, hash);
  expect(forward).toEqual(backward);
  const expected = VECTORS.reduce((sum, [, v]) => (sum + BigInt(v)) % 2n ** 128n, 0n);
  expect(hashToDecimal(forward)).toBe(expected.toString());
});

test('as bytes it is 16 long, least significant first', () => {
  expect(hashToBytes(hashOf(Buffer.from('a'))).readUInt8(0)).toBe(0x3c);
  expect(hashToBytes(hashOf(Buffer.from('a')))).toHaveLength(16);
});
