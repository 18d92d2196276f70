import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFolder } from '../../../../serving/ranking/fold-in.ts';
import { modelOf } from './models.ts';

const settings = { alpha: 1.5, regularisation: 0.3, oldShare: 0.25, cut: 100 };
const component = fc.integer({ min: -20, max: 20 }).map((i) => i / 8);

/** The gradient of the loss that the vector is to be the minimum of. */
function gradient(
  x: Float32Array,
  vectors: readonly (readonly number[])[],
  history: readonly { movieId: number; weight: number; lastAt: number }[],
): number[] {
  const product = (y: readonly number[]): number =>
    y.reduce((sum, value, i) => sum + value * (x[i] ?? 0), 0);
  const result = Array.from(x, () => 0);
  const add = (y: readonly number[], factor: number): void => {
    y.forEach((value, i) => (result[i] = (result[i] ?? 0) + factor * value));
  };
  for (const y of vectors) add(y, product(y));
  let known = 0;
  for (const { movieId, weight, lastAt } of history) {
    const y = vectors[movieId / 10 - 1];
    if (y === undefined || weight <= 0) continue;
    const share = lastAt < settings.cut ? settings.oldShare : 1;
    add(y, share * settings.alpha * weight * product(y));
    add(y, -share * (1 + settings.alpha * weight));
    known += share;
  }
  add(Array.from(x), settings.regularisation * known);
  return result;
}

it('is the minimum of the loss, old actions at their share', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(component, { minLength: 4, maxLength: 4 }), { minLength: 5, maxLength: 9 }),
      fc.uniqueArray(
        fc.record({
          movieId: fc.integer({ min: 1, max: 11 }).map((i) => 10 * i),
          weight: fc.integer({ min: 0, max: 12 }),
          lastAt: fc.integer({ min: 0, max: 200 }),
        }),
        { selector: ({ movieId }) => movieId, maxLength: 8 },
      ),
      (vectors, history) => {
        const model = modelOf({ movies: vectors.length, vectors });
        if (model.vectors === null) throw new Error('no vectors');
        const rows = history.map((row) => ({ ...row, seen: true }));
        const x = createFolder(model, model.vectors, settings).foldIn(rows);
        const speaks = history.some(
          ({ movieId, weight }) => weight > 0 && movieId <= 10 * vectors.length,
        );
        expect(x === null).toBe(!speaks);
        if (x === null) return;
        for (const slope of gradient(x, vectors, rows)) expect(Math.abs(slope)).toBeLessThan(2e-3);
      },
    ),
  );
});
