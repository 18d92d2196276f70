import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolvingReader } from '../../../connectors/registry/body-readers.ts';
import { newestSchema } from '../../../connectors/registry/codec.ts';
import { CopyWriter } from '../../../connectors/postgres/copy-writer.ts';
import type { UserActionRecord } from '../../../schemas/generated/types.ts';
import { PlainUserAction, readPlainUserAction } from '../../../schemas/generated/plain-readers.ts';
import { createPlainWords } from '../../../schemas/plain-cursor.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';
import { ACTIONS, validateUserAction, VALUE_RULES } from '../../../schemas/user-action.ts';
import { uuidv7 } from '../../../common/uuid.ts';
import { encodeWire } from '../../../schemas/wire.ts';
import { userActions } from '../../../streams/topics/user-actions.ts';
import { action, T0 } from '../../support/records.ts';

const type = parseAvro(newestSchema('user-actions.v1'));
const general = resolvingReader(type, type);
const encoded = (over: Partial<UserActionRecord>) => encodeWire(1, type, action(over));

const word = fc.oneof(
  fc.string({ maxLength: 70 }),
  fc.string({ unit: 'grapheme', maxLength: 5 }).filter((s) => s.isWellFormed()),
  // Mostly such as apps send, or hardly an action would be plain.
  { weight: 12, arbitrary: fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme-ascii' }) },
);
const anyAction = fc
  .record({
    kind: fc.constantFrom(...ACTIONS, 'dance', 'like2', 'vies'),
    user_id: word,
    movie_id: fc.option(
      fc.oneof(
        fc.integer({ min: 0, max: 300 }),
        fc.maxSafeNat().map((n) => n - 2),
      ),
    ),
    value: fc.option(fc.oneof(fc.double(), fc.double({ min: 0, max: 5, noNaN: true }))),
    session_id: fc.option(word),
    request: fc.boolean(),
    position: fc.option(fc.integer({ min: -1, max: 2 ** 31 - 1 }), { freq: 2 }),
    device: fc.option(word),
    app: word,
    app_version: fc.option(word),
    properties: fc.oneof(
      { weight: 4, arbitrary: fc.constant({}) },
      fc.dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }), {
        maxKeys: 2,
      }),
      fc.dictionary(fc.constantFrom('a', 'b', 'cc', '__proto__'), fc.stringMatching(/^\w{0,70}$/)),
    ),
    idSkew: fc.constantFrom(0, 0, 0, 0, 0, 1),
    fits: fc.constantFrom(true, true, true, false),
  })
  .map(({ kind, request, idSkew, fits, value, ...rest }) => {
    const rule = VALUE_RULES[kind as keyof typeof VALUE_RULES] as
      (typeof VALUE_RULES)['rate'] | undefined;
    const fitting = rule === undefined || rule.need === 'none' ? null : rule.max;
    return {
      ...rest,
      action: kind,
      value: fits ? fitting : value,
      event_id: uuidv7(T0 + idSkew),
      occurred_at: T0,
      request_id: request ? uuidv7(T0) : null,
    };
  });

function contentOf(event: UserActionRecord): Buffer {
  const out = new CopyWriter();
  userActions.writeContent(out, event);
  return Buffer.from(out.take());
}

test('what it takes is what the general way reads and finds good, and makes the same row', () => {
  let taken = 0;
  fc.assert(
    fc.property(anyAction, (over) => {
      const value = encoded(over);
      const plain = readPlainUserAction(value);
      if (plain === null) return;
      taken++;
      const read = general(value) as UserActionRecord;
      expect(validateUserAction(read)).toBeNull();
      for (const field of Object.keys(read) as (keyof UserActionRecord)[])
        expect(plain[field], field).toEqual(read[field]);
      expect(contentOf(plain)).toEqual(contentOf(read));
    }),
    { numRuns: 2_000 },
  );
  expect(taken).toBeGreaterThan(100);
});

test('bytes that were cut, lengthened or changed never make it read another event', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 200 }),
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom('cut', 'grow', 'change'),
      (at, byte, how) => {
        const good = encoded({
          session_id: 's',
          device: 'tv',
          position: 3,
          request_id: uuidv7(T0),
        });
        const place = 5 + (at % (good.length - 5));
        const bad = how === 'cut' ? good.subarray(0, place) : Buffer.from(good);
        if (how === 'change') bad[place] = byte;
        const value = how === 'grow' ? Buffer.concat([good, Buffer.from([byte])]) : bad;
        const plain = readPlainUserAction(value);
        if (plain === null) return;
        const read = general(value) as UserActionRecord;
        expect(contentOf(plain)).toEqual(contentOf(read));
        expect(validateUserAction(read)).toBeNull();
      },
    ),
    { numRuns: 2_000 },
  );
});

describe('takes what is plain', () => {
  test('a few properties', () => {
    const properties = { a: '', b: 'x'.repeat(100), locale: 'de-DE' };
    const plain = readPlainUserAction(encoded({ properties }));
    expect(plain?.properties).toEqual(properties);
  });
  test('but no length that is longer than it need be', () => {
    const value = encoded({ properties: { a: 'b' } });
    // [count 2][key length 2]"a"[value length 2]"b"[0]
    const at = value.length - 5;
    const longer = [value.subarray(0, at), Buffer.from([0x82, 0x00]), value.subarray(at + 1)];
    expect(value[at]).toBe(2);
    expect(readPlainUserAction(Buffer.concat(longer))).toBeNull();
  });
  test.each(ACTIONS)('%s', (kind) => {
    const rule = VALUE_RULES[kind];
    const value = rule.need === 'required' ? rule.max : null;
    expect(readPlainUserAction(encoded({ action: kind, value }))).toBeInstanceOf(PlainUserAction);
  });
  test.each<[string, Partial<UserActionRecord>]>([
    ['text beyond ASCII', { user_id: 'é' }],
    ['properties that JSON escapes', { properties: { a: '"' } }],
    ['properties in another order than jsonb’s', { properties: { bb: '1', a: '2' } }],
    ['many properties', { properties: Object.fromEntries(Array.from('abcdefghi', (k) => [k, k])) }],
    ['an unknown action', { action: 'dance' }],
    ['a missing rating', { action: 'rate' }],
    ['an empty user', { user_id: '' }],
    ['U+0000', { app: 'a\0' }],
  ])('and leaves %s to the general way', (_, over) => {
    expect(readPlainUserAction(encoded(over))).toBeNull();
  });
});

test('words that length and first letters do not tell apart are refused', () => {
  expect(() => createPlainWords(['views', 'vivid'])).toThrow('alike');
});
