import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecommendationList } from '../../../../serving/lists/list.ts';
import {
  encodeStoredList,
  readStoredList,
  storedIdentity,
} from '../../../../serving/lists/stored-list.ts';

const items = (maxLength: number) =>
  fc.array(
    fc.record({
      movieId: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      score: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      propensity: fc.constant(1),
      reason: fc.constantFrom(
        { kind: 'popular' as const },
        { kind: 'because_you' as const, movieId: 318 },
      ),
    }),
    { maxLength },
  );

const lists: fc.Arbitrary<RecommendationList> = fc.record({
  userId: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  surface: fc.constantFrom('home', 'mail'),
  surfaceVersion: fc.constantFrom('0123456789ab', 'ba9876543210'),
  arm: fc.constantFrom(null, 'a', 'b'),
  modelVersion: fc.constantFrom(null, '20261127T000000Z'),
  generation: fc.nat(),
  profileVersion: fc.nat(),
  madeAt: fc.integer({ min: 0, max: 2_000_000_000_000 }),
  algorithm: fc.constantFrom('item_item' as const, 'batch' as const, 'popularity' as const),
  holdsUntil: fc.constant(2_000_000_000_001),
  length: fc.constant(20),
  items: items(50),
  pool: items(5),
});

const LOG = { items: 20, bytes: Buffer.from('log') };

describe('a stored list', () => {
  it('gives the JSON of its first items as it is sent, and all items as they were', () => {
    fc.assert(
      fc.property(lists, fc.nat({ max: 50 }), (list, logged) => {
        const log = { items: Math.min(logged, list.items.length), bytes: Buffer.from('log') };
        const stored = readStoredList(encodeStoredList(list, log), storedIdentity(list));
        if (typeof stored === 'string') throw new Error(stored);
        const text = Buffer.from(stored.latin1(), 'latin1').toString();
        const answer = JSON.parse(`{${text}]}`) as {
          user_id: string;
          items: { movie_id: number; position: number; reason: unknown }[];
        };
        expect(answer.user_id).toBe(list.userId.toWellFormed());
        expect(answer.items.map(({ movie_id, position }) => [movie_id, position])).toEqual(
          list.items.slice(0, log.items).map(({ movieId }, i) => [movieId, i + 1]),
        );
        const all = [...list.items, ...list.pool];
        expect(all.map((_, i) => stored.item(i))).toEqual(all);
        expect(all.map((_, i) => stored.movieId(i))).toEqual(all.map(({ movieId }) => movieId));
        expect([stored.log, stored.all, stored.count]).toEqual([
          ...[log, all.length, list.items.length],
        ]);
        const { algorithm, generation, profileVersion, madeAt, holdsUntil } = list;
        const told = { algorithm, generation, profileVersion, madeAt, holdsUntil };
        expect(stored).toMatchObject(told);
      }),
    );
  });

  it('is nobody else’s, and of nothing else', () => {
    fc.assert(
      fc.property(lists, lists, (list, other) => {
        fc.pre(!storedIdentity(list).equals(storedIdentity(other)));
        const value = encodeStoredList(list, LOG);
        const { userId, surface, arm } = other;
        const fits = list.userId === userId && list.surface === surface && list.arm === arm;
        const told = readStoredList(value, storedIdentity(other));
        expect(told).toBe(fits ? 'other_identity' : 'foreign');
        const ofModel = { ...list, modelVersion: '20261128T000000Z' };
        expect(readStoredList(value, storedIdentity(ofModel))).toBe('other_identity');
      }),
    );
  });

  it('is foreign when any byte of it changed, and so is whatever else stands there', () => {
    fc.assert(
      fc.property(lists, fc.nat(), fc.integer({ min: 1, max: 255 }), (list, at, change) => {
        const value = encodeStoredList(list, LOG);
        const place = at % value.length;
        value[place] = (value[place] as number) ^ change;
        expect(readStoredList(value, storedIdentity(list))).toBe('foreign');
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), lists, (bytes, list) => {
        expect(readStoredList(Buffer.from(bytes), storedIdentity(list))).toBe('foreign');
      }),
    );
  });
});
