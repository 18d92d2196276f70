import type { Ranked } from '../../../../serving/ranking/steps.ts';

/** Ranked movies 1, 2, 3 and so on with these scores. */
export function rankedList(...scores: readonly number[]): Ranked[] {
  return scores.map((score, i) => ({ movieId: i + 1, score, origin: 'ranked', propensity: 1 }));
}

export function idsOf(items: readonly Pick<Ranked, 'movieId'>[]): number[] {
  return items.map(({ movieId }) => movieId);
}
