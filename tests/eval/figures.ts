import { createRandom } from '../../common/random.ts';

const PLACES = 10;
const gain = (rank: number): number => 1 / Math.log2(rank + 2);

/** NDCG of a list's first 10; `relevant` is not empty. */
export function ndcg(list: readonly number[], relevant: ReadonlySet<number>): number {
  let sum = 0;
  list.slice(0, PLACES).forEach((movieId, rank) => {
    if (relevant.has(movieId)) sum += gain(rank);
  });
  let best = 0;
  for (let rank = 0; rank < Math.min(PLACES, relevant.size); rank++) best += gain(rank);
  return sum / best;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const DRAWS = 1_000;

/** A mean with the 95 % interval of a bootstrap over its values, one a user. */
export function interval(values: readonly number[], seed: number): Interval {
  const random = createRandom(seed, 'bootstrap');
  const means = Array.from({ length: values.length === 0 ? 0 : DRAWS }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.below(values.length)] as number;
    return sum / values.length;
  }).sort((a, b) => a - b);
  const at = (share: number): number => means[Math.floor(share * means.length)] ?? 0;
  return { mean: mean(values), low: at(0.025), high: at(0.975) };
}
