import { expect, it } from 'vitest';
import { createRandom } from '../../../../common/random.ts';
import { arrange } from '../../../../serving/lists/arrange.ts';
import type { ArrangeInput } from '../../../../serving/lists/arrange.ts';
import type { Surface } from '../../../../serving/ranking/surface.ts';
import { chiSquareAt001 } from '../../../support/chi-square.ts';
import { PLAIN, inputOf } from './surfaces.ts';

const DRAWS = 100_000;
const SEED = 20261127;
const open = { from: null, until: null };
const explores = (share: number, fromPosition: number, pool: number) => ({
  exploration: { share, fromPosition, pool },
});

const rules: Partial<Surface> = {
  pins: [
    { movieId: 33, position: 3, ...open },
    { movieId: 2, position: 6, ...open },
  ],
  reserved: [{ slots: 2, of: 5, movieIds: [4, 19, 34], ...open }],
};

const cases: readonly (readonly [string, Partial<Surface>, Partial<ArrangeInput>])[] = [
  ['a share of all places', explores(0.5, 1, 12), {}],
  ['a pool smaller than the open places', explores(0.3, 2, 3), {}],
  ['pins and reserved slots', { ...rules, ...explores(0.2, 2, 10) }, {}],
  [
    'all steps on, and a pool of the caller',
    {
      ...rules,
      ...explores(0.1, 4, 8),
      seen: 'demote',
      impressionDiscount: 0.8,
      popularityExponent: -0.1,
      diversity: { kind: 'mmr', relevance: 0.7, over: 20 },
      blocked: new Set([36]),
    },
    {
      pool: [1, 35, 36, 37, 38, 39, 40, 25, 26],
      seen: new Set([5, 38]),
      shown: new Map([[1, 2]]),
    },
  ],
];

it.each(cases)('propensities are frequencies: %s', (_, surface, given) => {
  const random = createRandom(SEED);
  const input = inputOf({ surface: { ...PLAIN, ...surface }, length: 8, random, ...given });
  const found = new Map<string, { count: number; propensity: number }>();
  for (let n = 0; n < DRAWS; n++)
    arrange(input).forEach(({ movieId, propensity }, index) => {
      const key = `${index}:${movieId}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { count: 1, propensity });
      else if (known.propensity === propensity) known.count++;
      else throw new Error(`${key} has propensities ${known.propensity} and ${propensity}`);
    });
  for (let index = 0; index < 8; index++) {
    const here = [...found].filter(([key]) => key.startsWith(`${index}:`)).map(([, seen]) => seen);
    const told = here.reduce((sum, { propensity }) => sum + propensity, 0);
    expect(told, `place ${index}, seed ${SEED}`).toBeCloseTo(1, 9);
    const chi = here.reduce((sum, { count, propensity }) => {
      const expected = propensity * DRAWS;
      return sum + (count - expected) ** 2 / expected;
    }, 0);
    expect(chi, `place ${index}, seed ${SEED}`).toBeLessThan(chiSquareAt001(here.length - 1));
  }
});
