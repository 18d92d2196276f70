import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createPlaces } from '../../../../serving/ranking/places.ts';

const ids = (max: number) =>
  fc
    .uniqueArray(fc.integer({ min: 1, max }), { maxLength: 50 })
    .map((list) => Float64Array.from(list).sort());

it.each([
  ['ids near each other', 1_000],
  ['ids far from each other', Number.MAX_SAFE_INTEGER],
])('knows where each movie stands, and no other: %s', (_, max) => {
  fc.assert(
    fc.property(ids(max), fc.integer({ min: -5, max: max + 5 }), (movieIds, other) => {
      const places = createPlaces(movieIds);
      expect(places.size).toBe(movieIds.length);
      for (const id of [...movieIds, other, other + 0.5]) {
        const place = movieIds.indexOf(id);
        expect(places.get(id)).toBe(place === -1 ? undefined : place);
        expect(places.has(id)).toBe(place !== -1);
      }
    }),
  );
});
