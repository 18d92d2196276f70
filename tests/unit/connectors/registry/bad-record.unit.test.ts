import { expect, test } from 'vitest';
import { InvalidText } from '../../../../common/utf8.ts';
import {
  foreignSchema,
  notAvro,
  unreadableBody,
} from '../../../../connectors/registry/bad-record.ts';

test('a schema of the subject is none of a stranger', () => {
  expect(foreignSchema(7, ['other-value', 'things-value'], 'things-value')).toBeNull();
});

test('an id that the registry does not know is told from a schema of somebody else', () => {
  expect(foreignSchema(7, null, 'things-value')?.reason).toBe('unknown_schema');
  expect(foreignSchema(7, [], 'things-value')).toEqual({
    reason: 'wrong_schema',
    detail: 'schema 7 is of no subject, not of things-value',
  });
  const many = ['a', 'b', 'c', 'd'];
  expect(foreignSchema(7, many, 'things-value')?.detail).toBe(
    'schema 7 is of a, b, c, not of things-value',
  );
});

test('bytes without a header are shown by their beginning', () => {
  expect(notAvro(Buffer.from('{"a":1,"b":2}')).detail).toContain('13 bytes beginning with 7b2261');
  expect(notAvro(Buffer.alloc(0)).detail).toContain('beginning with nothing');
});

test('text that is no UTF-8 has a reason of its own', () => {
  expect(unreadableBody(new InvalidText(new TypeError())).reason).toBe('invalid_text');
  expect(unreadableBody(new RangeError('truncated'))).toEqual({
    reason: 'undecodable',
    detail: 'truncated',
  });
});
