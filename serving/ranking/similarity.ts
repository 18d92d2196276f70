import type { Scores } from './live-scores.ts';
import type { ItemModel } from './item-model.ts';

/** Inner products of a user's vector with every movie's, and their standard deviation. */
export interface SimilarityScores extends Scores {
  readonly deviation: number;
}

export interface SimilarityScorer {
  /** An exact scan of all movies. The next call takes the sums over. */
  score(vector: Float32Array): SimilarityScores;
}

/** Throws a TypeError for a model without vectors. */
export function createSimilarityScorer(model: ItemModel): SimilarityScorer {
  const { vectors } = model;
  if (vectors === null) throw new TypeError(`model ${model.version} has no vectors`);
  const { dimensions, values } = vectors;
  const places = model.movieIds.length;
  const products = new Float64Array(places);
  const touched = Uint32Array.from({ length: places }, (_, place) => place);

  return {
    score(vector) {
      if (vector.length !== dimensions)
        throw new RangeError(
          `a vector of ${vector.length} dimensions for model ${model.version} of ${dimensions}`,
        );
      let sum = 0;
      let squares = 0;
      for (let place = 0, at = 0; place < places; place++) {
        let product = 0;
        for (let i = 0; i < dimensions; i++, at++)
          product += (vector[i] as number) * (values[at] as number);
        products[place] = product;
        sum += product;
        squares += product * product;
      }
      const mean = sum / places;
      const deviation = Math.sqrt(Math.max(0, squares / places - mean * mean));
      const scale = deviation === 0 ? 0 : 1 / deviation;
      return {
        deviation,
        touched: () => touched,
        has: () => true,
        get: (place) => (products[place] as number) * scale,
      };
    },
  };
}
