import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../common/random.ts';
import { arrange, candidatesNeeded } from '../../../../serving/lists/arrange.ts';
import type { Surface } from '../../../../serving/ranking/surface.ts';
import { idsOf } from '../ranking/lists.ts';
import { NO_FILTER, PLAIN, candidatesOf, inputOf } from './surfaces.ts';

const surface = (given: Partial<Surface>): Surface => ({ ...PLAIN, ...given });

describe('a list', () => {
  it('is asked for only as far as it goes', () => {
    let asked = 0;
    function* endless() {
      for (const candidate of candidatesOf(Array.from({ length: 40 }, (_, i) => i + 1))) {
        asked++;
        yield candidate;
      }
    }
    const filter = { ...NO_FILTER, genres: ['comedy'] };
    const items = arrange(inputOf({ candidates: endless(), filter, length: 5 }));
    expect(idsOf(items)).toEqual([1, 3, 5, 7, 9]);
    expect(asked).toBe(9);
  });

  it('has what was seen at its end, in the order of what counts for it', () => {
    const items = arrange(
      inputOf({
        surface: surface({ seen: 'demote', impressionDiscount: 0.5 }),
        candidates: candidatesOf([1, 2, 3, 4, 5]),
        seen: new Set([1, 2]),
        shown: new Map([
          [1, 3],
          [3, 3],
        ]),
      }),
    );
    expect(idsOf(items)).toEqual([4, 5, 3, 2, 1]);
  });

  it('takes the policy of the request before that of the surface', () => {
    const seen = new Set([1]);
    const candidates = candidatesOf([1, 2]);
    expect(idsOf(arrange(inputOf({ candidates, seen, seenPolicy: 'hide' })))).toEqual([2]);
    const hides = surface({ seen: 'hide' });
    expect(
      idsOf(arrange(inputOf({ candidates, seen, surface: hides, seenPolicy: 'show' }))),
    ).toEqual([1, 2]);
  });

  it('does not fill slots again on a later page that the pages before filled', () => {
    const reserved = [{ slots: 2, of: 10, movieIds: [30, 31, 32], from: null, until: null }];
    const later = inputOf({
      surface: surface({ reserved }),
      firstPosition: 6,
      length: 5,
      filter: { ...NO_FILTER, exclude: [1, 2, 3, 30, 31] },
    });
    expect(idsOf(arrange(later))).toEqual([4, 5, 6, 7, 8]);
  });

  it('explores what stands behind it when no pool is given', () => {
    const exploration = { share: 0.5, fromPosition: 3, pool: 4 };
    const found = new Set<number>();
    const random = createRandom(3);
    for (let n = 0; n < 200; n++)
      for (const { movieId, origin } of arrange(
        inputOf({ surface: surface({ exploration }), length: 5, random }),
      ))
        if (origin === 'explored') found.add(movieId);
    expect([...found].sort((a, b) => a - b)).toEqual([6, 7, 8, 9]);
  });
});

describe('the candidates that are needed', () => {
  it('are as many as the list, and more where the order changes', () => {
    const off = { ...PLAIN, exploration: { ...PLAIN.exploration, share: 0 } };
    const nothing = new Map<number, number>();
    const discounts = surface({ impressionDiscount: 0.8 });
    expect(candidatesNeeded(off, 20, nothing)).toBe(20);
    expect(candidatesNeeded(discounts, 20, nothing)).toBe(20);
    expect(candidatesNeeded(discounts, 20, new Map([[1, 1]]))).toBe(200);
    expect(candidatesNeeded(surface({ popularityExponent: -0.1 }), 100, nothing)).toBe(200);
    expect(
      candidatesNeeded(
        surface({ diversity: { kind: 'mmr', relevance: 1, over: 50 } }),
        20,
        nothing,
      ),
    ).toBe(50);
    const exploration = { share: 0.1, fromPosition: 1, pool: 30 };
    expect(candidatesNeeded(surface({ exploration }), 20, nothing)).toBe(50);
  });
});
