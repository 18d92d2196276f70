import { createRankers } from '../../../serving/lists/rankers.ts';
import { topCandidates } from '../../../serving/ranking/top.ts';
import type { LoadedModel } from '../../../serving/state/load-model.ts';
import type { Rating } from './ratings.ts';

/** The ranker alone, in this process: histories of the data and the model's tables, nothing between. */
export interface PureRanker {
  /** The first 10 as of `now`, without what was rated; null where the model knows nothing of it. */
  list(history: readonly Rating[], now: number): readonly number[] | null;
  /** The most popular, without what was rated. */
  popular(history: readonly Rating[]): readonly number[];
}

const LENGTH = 10;

/** `movies` are those of the catalogue. */
export function createPureRanker(
  { items, settings }: LoadedModel,
  movies: ReadonlySet<number>,
): PureRanker {
  const rankers = createRankers(items, settings.foldIn);
  const idOf = (place: number): number => items.movieIds[place] as number;
  const offered = (history: readonly Rating[]) => {
    const rated = new Set(history.map(({ movieId }) => movieId));
    return (place: number): boolean => movies.has(idOf(place)) && !rated.has(idOf(place));
  };
  return {
    list(history, now) {
      const rows = history.map(({ movieId, rating, at }) => ({
        movieId,
        weight: 2 * Math.max(0, rating - 2),
        lastAt: at,
        seen: true,
      }));
      const scored = rankers.score(rows, now);
      if (scored === null) return null;
      const top = topCandidates(items, scored.scores, LENGTH, offered(history));
      return top.map(({ place }) => idOf(place));
    },
    popular: (history) =>
      [...items.byPopularity.filter(offered(history))].slice(0, LENGTH).map(idOf),
  };
}
