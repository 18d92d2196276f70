import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseJson, unpackBody } from '../../../../../serving/api/http/json-body.ts';

const parse = (text: string): unknown => parseJson(Buffer.from(text));
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

it('reads to its depth, and no deeper', () => {
  expect(JSON.stringify(parse(nested(16)))).toBe(nested(16));
  expect(() => parse(nested(17))).toThrow('deeper than 16');
  expect(() => parse('{"a":'.repeat(100_000))).toThrow('deeper than 16');
  // Within a text there is no depth, whatever stands before its end.
  expect(parse(`["${'[{'.repeat(50)}\\"${'[{'.repeat(50)}\\\\"]`)).toHaveLength(1);
});

it('refuses what reaches for a prototype, however it is written', () => {
  for (const name of ['__proto__', '\\u005f\\u005fproto__'])
    expect(() => parse(`[{"a":{"${name}":1}}]`)).toThrow('prototype');
  expect(() => parse('{"constructor":{"prototype":{}}}')).toThrow('prototype');
  expect(parse('{"properties":{"constructor":"Le Corbusier"},"b":"__proto__"}')).toBeDefined();
});

it('reads all JSON that is neither', () => {
  const value = fc.jsonValue({ maxDepth: 10, noUnicodeString: false });
  fc.assert(
    fc.property(value, (given) => {
      const text = JSON.stringify(given);
      if (/__proto__|constructor/.test(text)) return;
      expect(JSON.stringify(parse(text))).toBe(text);
    }),
  );
});

it('unpacks to its bound, and not a byte more', async () => {
  const packed = gzipSync(Buffer.alloc(1_000));
  expect(await unpackBody(packed, 'GZIP ', 1_000)).toHaveLength(1_000);
  await expect(unpackBody(packed, 'gzip', 999)).rejects.toThrow('more than 999 bytes');
  await expect(unpackBody(packed, 'gzip, gzip', 1_000)).rejects.toThrow('is not read');
});
