import { expect, it } from 'vitest';
import fc from 'fast-check';
import { BAD_QUERY, parseQueryString } from '../../../../../serving/api/http/query-string.ts';

const read = (text: string) => ({ ...parseQueryString(text) });

it('reads texts and lists', () => {
  expect(read('')).toEqual({});
  expect(read('a=1&b=x%20y+z&c')).toEqual({ a: '1', b: 'x y z', c: '' });
  expect(read('exclude=1,2&exclude=3&genre=a,b')).toEqual({
    exclude: ['1', '2', '3'],
    genre: ['a,b'],
  });
  expect(read('limit=1&limit=2')).toEqual({ limit: ['1', '2'] });
});

it('names what it can not decode', () => {
  expect(parseQueryString('a=%ff')[BAD_QUERY]).toContain('a=%ff');
  expect(parseQueryString(`exclude=${'1,'.repeat(3_000)}`)[BAD_QUERY]).toContain('2000');
});

it('reads what was written, and never throws', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string()), (given) => {
      const text = new URLSearchParams(given).toString();
      const lists = ['exclude', 'include', 'genre'];
      const entries = Object.entries(given).filter(([name]) => !lists.includes(name));
      const found = parseQueryString(text);
      for (const [name, value] of entries) expect(found[name]).toBe(value.toWellFormed());
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      parseQueryString(text);
    }),
  );
});
