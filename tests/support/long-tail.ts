import { createWeighted, type Random } from '../../common/random.ts';

/** A draw is a rank of 0..size-1 with a long tail: rank r has the weight 1 / (r + 1)^exponent. */
export function createLongTail(size: number, exponent: number, random: Random): () => number {
  const weights = Float64Array.from({ length: size }, (_, rank) => (rank + 1) ** -exponent);
  return createWeighted(weights, random);
}
