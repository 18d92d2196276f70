import type { FirstCandidates } from '../lists/list-maker.ts';
import type { Rankers } from '../lists/rankers.ts';
import type { HistoryRow } from '../ranking/history.ts';
import type { NearestMovies } from './nearest.ts';

/** So deep that a filter leaves enough of them; `hnsw.ef_search` of the index is not below it. */
export const ALIKE_COUNT = 400;

/**
 * Movies that are like what the user likes, by the fold-in of their history: for whoever did nothing that
 * has neighbours. Null where the model has no vector of any movie of theirs.
 */
export async function alike(
  rankers: Rankers,
  nearest: NearestMovies | null,
  history: readonly HistoryRow[],
): Promise<FirstCandidates | null> {
  const vector = history.length === 0 ? null : rankers.vector(history);
  if (vector === null || nearest === null) return null;
  const near = await nearest.nearest(vector, ALIKE_COUNT);
  return {
    algorithm: 'fold_in',
    reason: { kind: 'fits_taste' },
    candidates: near
      .filter(({ product }) => product > 0)
      .map(({ movieId, product }) => ({ movieId, score: product, origin: 'ranked' })),
  };
}
