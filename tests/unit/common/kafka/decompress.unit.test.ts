import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decompress } from '../../../../common/kafka/decompress.ts';

const text = Buffer.from('the same words again and again '.repeat(50_000));

test.each([
  ['none', 0, (bytes: Buffer) => bytes],
  ['gzip', 1, (bytes: Buffer) => gzipSync(bytes)],
  ['zstd', 4, (bytes: Buffer) => zstdCompressSync(bytes)],
])('reads %s', async (_, codec, compress) => {
  const body = await decompress(codec, compress(text));
  expect(body.equals(text)).toBe(true);
});

test.each([
  [2, 'snappy'],
  [3, 'lz4'],
])('refuses codec %i by its name, with what to do', async (codec, name) => {
  const refused = decompress(codec, Buffer.from('x'));
  await expect(refused).rejects.toThrow(`${name}: produce with gzip`);
  await expect(refused).rejects.toHaveProperty('code', 'MARQUEE_KAFKA_CODEC');
});
