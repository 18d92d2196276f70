import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createUuidv7Source,
  formatUuid,
  isUuidv7,
  parseUuid,
  uuidTimeMs,
  uuidv7,
} from '../../../common/uuid.ts';

const time = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  // Where 32-bit arithmetic would change sign or carry.
  fc.constantFrom(0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 47, 2 ** 48 - 1),
);

describe('uuidv7', () => {
  it('holds the time, the version and the variant', () => {
    fc.assert(
      fc.property(time, fc.uint8Array({ minLength: 10, maxLength: 10 }), (ms, random) => {
        const id = uuidv7(ms, random);
        expect(uuidTimeMs(id)).toBe(ms);
        expect(isUuidv7(id)).toBe(true);
        expect(id).toHaveLength(16);
      }),
    );
  });

  it('refuses what is no time', () => {
    for (const ms of [-1, 0.5, 2 ** 48, Number.NaN, Infinity]) {
      expect(() => uuidv7(ms)).toThrow(RangeError);
    }
  });

  it('does not repeat itself', () => {
    const ids = Array.from({ length: 20_000 }, () => formatUuid(uuidv7(1_700_000_000_000)));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is not mistaken for another version or variant', () => {
    const id = uuidv7(1_700_000_000_000);
    expect(isUuidv7(Buffer.from(id).fill(0x40, 6, 7))).toBe(false);
    expect(isUuidv7(Buffer.from(id).fill(0xc0, 8, 9))).toBe(false);
    expect(isUuidv7(id.subarray(0, 15))).toBe(false);
  });
});

describe('createUuidv7Source', () => {
  it('sorts ids of one millisecond in the order they were made', () => {
    const next = createUuidv7Source();
    const ids = Array.from({ length: 2_000 }, () => next(1_700_000_000_000));
    expect(ids.toSorted((a, b) => Buffer.compare(a, b))).toEqual(ids);
  });

  it('makes valid, different ids when the count of a millisecond is used up', () => {
    const next = createUuidv7Source();
    const ids = Array.from({ length: 10_000 }, () => next(1_700_000_000_000));
    expect(ids.every((id) => isUuidv7(id) && uuidTimeMs(id) === 1_700_000_000_000)).toBe(true);
    expect(new Set(ids.map(formatUuid)).size).toBe(ids.length);
  });
});

describe('a UUIDv7 without random bits', () => {
  it('bounds the ids of its millisecond from below, and those before from above', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 48 - 1 }), (ms) => {
        const bound = uuidv7(ms, new Uint8Array(10));
        expect(Buffer.compare(bound, uuidv7(ms))).toBeLessThanOrEqual(0);
        expect(Buffer.compare(bound, uuidv7(ms - 1))).toBe(1);
      }),
    );
  });
});

describe('the canonical form', () => {
  it('comes back as the bytes it was made from', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const text = formatUuid(bytes);
        expect(text).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
        expect(parseUuid(text)).toEqual(Buffer.from(bytes));
        expect(parseUuid(text.toUpperCase())).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('is the only one that is read', () => {
    const text = formatUuid(uuidv7(1));
    const others = ['', 'x', text.slice(1), `${text}0`, text.replaceAll('-', ''), `{${text}}`];
    for (const other of others) expect(parseUuid(other)).toBeNull();
  });
});
