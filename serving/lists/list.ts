import type { Reason } from '../ranking/reasons.ts';

/** Raised when the same history, model and surface would give another list: older ones are not served. */
export const RANKER_VERSION = '1';

/** What ranked a list. */
export type Algorithm = 'item_item' | 'fold_in' | 'batch' | 'trending' | 'popularity';

export interface ListItem {
  readonly movieId: number;
  readonly score: number;
  /** Probability that this movie stands at this position, given all that is known of the user. */
  readonly propensity: number;
  readonly reason: Reason;
}

/** Whose list it is and what made it. Two lists with one identity may stand in for each other. */
export interface ListIdentity {
  readonly userId: string;
  readonly surface: string;
  readonly surfaceVersion: string;
  readonly arm: string | null;
  /** Null where no model ranked it. */
  readonly modelVersion: string | null;
}

/** Of two lists of one key the one with the higher numbers is newer, the first number first. */
export interface ListOrder {
  /** Which change of the active model it comes after. */
  readonly generation: number;
  readonly profileVersion: number;
  /** Epoch ms. */
  readonly madeAt: number;
}

/** A list as it is cached, sent and logged. */
export interface RecommendationList extends ListIdentity, ListOrder {
  readonly algorithm: Algorithm;
  /** Epoch ms from which on it is to be made anew: what was boosted by the newest actions fades. */
  readonly holdsUntil: number;
  /** So many of the items are served when a request doesn't say. */
  readonly length: number;
  readonly items: readonly ListItem[];
  /** What may be explored. */
  readonly pool: readonly ListItem[];
}
