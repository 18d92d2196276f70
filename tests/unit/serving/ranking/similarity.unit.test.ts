import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createSimilarityScorer } from '../../../../serving/ranking/similarity.ts';
import { modelOf } from './models.ts';

const component = fc.integer({ min: -16, max: 16 }).map((i) => i / 4);
const vector = fc.array(component, { minLength: 3, maxLength: 3 });

it('are inner products in units of their deviation over all movies', () => {
  fc.assert(
    fc.property(fc.array(vector, { minLength: 2, maxLength: 8 }), vector, (vectors, user) => {
      const scorer = createSimilarityScorer(modelOf({ movies: vectors.length, vectors }));
      const scores = scorer.score(Float32Array.from(user));
      const products = vectors.map((y) =>
        y.reduce((sum, value, i) => sum + value * (user[i] ?? 0), 0),
      );
      const mean = products.reduce((a, b) => a + b, 0) / products.length;
      const spread = products.reduce((a, b) => a + (b - mean) ** 2, 0) / products.length;
      const deviation = Math.sqrt(spread);
      products.forEach((product, place) => {
        expect(scores.get(place)).toBeCloseTo(deviation < 1e-9 ? 0 : product / deviation, 6);
      });
    }),
  );
});

it('refuses a vector of another model', () => {
  const scorer = createSimilarityScorer(modelOf({ movies: 1, vectors: [[1, 2, 3]] }));
  expect(() => scorer.score(new Float32Array(2))).toThrow(/2 dimensions .* of 3/);
});
