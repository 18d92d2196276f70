import { describe, expect, it, test } from 'vitest';
import {
  compatibilityCall,
  findIdCall,
  objectionCall,
  registerCall,
  schemaCall,
  setCompatibilityCall,
  subjectsOfCall,
  versionsCall,
} from '../../../../connectors/registry/calls.ts';
import type { Answer, Call } from '../../../../connectors/registry/calls.ts';

const UNKNOWN_SUBJECT = { status: 404, body: { error_code: 40401, message: 'no subject' } };
const UNKNOWN_SCHEMA = { status: 404, body: { error_code: 40403, message: 'no schema' } };
const ok = (body: unknown): Answer => ({ status: 200, body });

const CALLS: readonly Call<unknown>[] = [
  subjectsOfCall(7),
  findIdCall('s', '{}'),
  registerCall('s', '{}'),
  versionsCall('s'),
  schemaCall('s', 1),
  objectionCall('s', 1, '{}'),
  compatibilityCall('s'),
  setCompatibilityCall('s', 'FULL'),
];

describe.each(CALLS.map((call) => [`${call.method} ${call.path}`, call] as const))(
  '%s',
  (_, call) => {
    it.each([
      ['a page of a proxy', { status: 502, body: null }],
      ['a 404 that is not the registry’s', { status: 404, body: { message: 'no route' } }],
      ['a 404 without a body', { status: 404, body: null }],
      ['a limit', { status: 429, body: { error_code: 429 } }],
    ])('takes %s for no answer', (_name, answer) => {
      expect(call.result(answer)).toBeUndefined();
    });
  },
);

test('a subject’s name is escaped in paths', () => {
  expect(findIdCall('a/b?', '{}').path).toBe('/subjects/a%2Fb%3F');
  expect(compatibilityCall('a/b').path).toBe('/config/a%2Fb');
});

test('the subjects of an id, or null for an id that the registry does not know', () => {
  const { result } = subjectsOfCall(7);
  expect(
    result(
      ok([
        { subject: 'a', version: 1 },
        { subject: 'b', version: 2 },
      ]),
    ),
  ).toEqual(['a', 'b']);
  expect(result(UNKNOWN_SCHEMA)).toBeNull();
  expect(result(UNKNOWN_SUBJECT)).toBeUndefined();
});

test('the id of a text, or null for a text or a subject that is not registered', () => {
  const { result } = findIdCall('s', '{}');
  expect(result(ok({ id: 4 }))).toBe(4);
  expect([result(UNKNOWN_SCHEMA), result(UNKNOWN_SUBJECT)]).toEqual([null, null]);
});

test.each([409, 422])('a schema that is refused with %i is refused for good', (status) => {
  const { result } = registerCall('s', '{}');
  const body = { error_code: 42201, message: 'not compatible' };
  expect(() => result({ status, body })).toThrow(/refuses the schema for s: .*not compatible/);
});

test('versions come oldest first; a subject that is missing has none', () => {
  const { result } = versionsCall('s');
  expect(result(ok([10, 2, 1]))).toEqual([1, 2, 10]);
  expect(result(UNKNOWN_SUBJECT)).toEqual([]);
});

test('an objection has the registry’s words, whichever it uses', () => {
  const { result } = objectionCall('s', 1, '{}');
  expect(result(ok({ is_compatible: true, messages: ['none'] }))).toBeNull();
  expect(result(ok({ is_compatible: false, messages: ['a', 'b'] }))).toBe('a; b');
  expect(result(ok({ is_compatible: false, reason: 'c' }))).toBe('c');
  expect(result(ok({ is_compatible: false }))).toBe('incompatible');
});

test('a subject without a level of its own has none', () => {
  const { result } = compatibilityCall('s');
  expect(result(ok({ compatibilityLevel: 'FULL' }))).toBe('FULL');
  expect(result(UNKNOWN_SUBJECT)).toBe('NONE');
});
