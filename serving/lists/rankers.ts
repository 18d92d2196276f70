import { createUnknownMovies } from '../ranking/unknown-movies.ts';
import { createFolder } from '../ranking/fold-in.ts';
import type { FoldInSettings } from '../ranking/fold-in.ts';
import type { HistoryRow } from '../ranking/history.ts';
import type { ItemModel } from '../ranking/item-model.ts';
import { createLiveScorer, LIVE_DEFAULTS } from '../ranking/live-scores.ts';
import { createReasoner } from '../ranking/reasons.ts';
import type { Reason } from '../ranking/reasons.ts';
import type { Scores } from '../ranking/live-scores.ts';

/** One user's scores of all movies of a model; valid until the rankers are asked for another's. */
export interface UserScores {
  readonly algorithm: 'item_item' | 'popularity';
  readonly scores: Scores;
  /** False when the rankers were asked for another's meanwhile. */
  isCurrent(): boolean;
  /** Of the places that something the user did speaks for. */
  reasons(places: ReadonlySet<number>): ReadonlyMap<number, Reason>;
}

/** A model version, ready to rank: one user at a time. */
export interface Rankers {
  readonly items: ItemModel;
  /**
   * By the fresh history's neighbours and what comes next; null where no movie of it has any: then the
   * likeness to the user's vector is what is left.
   */
  score(history: readonly HistoryRow[], now: number): UserScores | null;
  /**
   * Movies that nobody has liked yet and that are like what the user likes, by their metadata's vectors: the
   * most alike first. None where the model knows no movie of the history.
   */
  unknownMovies(history: readonly HistoryRow[], count: number): readonly number[];
  /** The user's vector in the space of the items; null where the model knows no movie of theirs. */
  vector(history: readonly HistoryRow[]): Float32Array | null;
}

export function createRankers(items: ItemModel, foldIn: FoldInSettings): Rankers {
  const live = createLiveScorer(items, LIVE_DEFAULTS);
  const reasoner = createReasoner(items, LIVE_DEFAULTS);
  const { vectors } = items;
  const folder = vectors === null ? null : createFolder(items, vectors, foldIn);
  const vector = (history: readonly HistoryRow[]): Float32Array | null =>
    folder?.foldIn(history) ?? null;

  const unknown = vectors === null ? null : createUnknownMovies(items, vectors);

  return {
    items,
    vector,
    unknownMovies(history, count) {
      const own = unknown === null ? null : vector(history);
      return own === null || unknown === null ? [] : unknown(own, count);
    },
    score(history, now) {
      const scores = live.score(history, now);
      const { isCurrent } = scores;
      if (items.blend.kind === 'popularity')
        return { algorithm: 'popularity', scores, isCurrent, reasons: () => NO_REASONS };
      if (scores.touched().length > 0)
        return {
          algorithm: 'item_item',
          scores,
          isCurrent,
          reasons: (places) => reasoner(history, now, scores.scales, places),
        };
      return null;
    },
  };
}

const NO_REASONS: ReadonlyMap<number, Reason> = new Map();
