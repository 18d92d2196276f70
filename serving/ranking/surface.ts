/** What is done with movies that the user has seen: never listed, behind all others, or as ranked. */
export type SeenPolicy = 'hide' | 'demote' | 'show';

/** Where lists are shown, and what is wanted there. Equal content has an equal version. */
export interface Surface {
  readonly name: string;
  /** 12 hex digits of the content, the name left out. */
  readonly version: string;
  /** How long a list is when the request doesn't say. */
  readonly limit: number;
  readonly filter: SurfaceFilter;
  /** Never listed, by whatever way: blocked here or everywhere, or excluded by the filter. */
  readonly blocked: ReadonlySet<number>;
  readonly boosts: Boosts;
  readonly pins: readonly DatedPin[];
  readonly reserved: readonly Reserved[];
  readonly seen: SeenPolicy;
  /** Scores times this for each time that a movie was shown and nothing came of it; 1 is off. */
  readonly impressionDiscount: number;
  /** Scores times (1 + popularity) to the power of this; 0 is off. */
  readonly popularityExponent: number;
  readonly diversity: Diversity;
  readonly exploration: SurfaceExploration;
}

/** Genres by name, upper and lower case alike. */
export interface SurfaceFilter {
  /** A movie has one of them; none means any. */
  readonly genresAny: readonly string[];
  readonly genresNone: readonly string[];
  readonly yearFrom: number | null;
  readonly yearTo: number | null;
}

/** What a request asks for, on top of the surface's filter. */
export interface RequestFilter {
  readonly exclude: readonly number[];
  /** A movie has one of them; none means any. */
  readonly genres: readonly string[];
  readonly yearFrom: number | null;
  readonly yearTo: number | null;
}

/** From -1, which halves a score that speaks for a movie, to +1, which doubles it. */
export interface Boosts {
  /** By name in lower case. */
  readonly genres: ReadonlyMap<string, number>;
  readonly movies: ReadonlyMap<number, number>;
}

export type Diversity =
  | { readonly kind: 'none' }
  /** Maximal marginal relevance (Carbonell, Goldstein 1998) over the first `over`, by genres. */
  | { readonly kind: 'mmr'; readonly relevance: number; readonly over: number }
  | { readonly kind: 'most_per_genre'; readonly most: number };

/** Epoch ms: `from` is the first moment, `until` the first one after; null is open. */
export interface Dated {
  readonly from: number | null;
  readonly until: number | null;
}

/** A movie that takes a position (from 1); the others move on. */
export interface DatedPin extends Dated {
  readonly movieId: number;
  readonly position: number;
}

/** So many movies of a set stand among the first places. */
export interface Reserved extends Dated {
  readonly slots: number;
  /** The places, from the first. */
  readonly of: number;
  /** In the order in which they are taken where the ranking doesn't say. */
  readonly movieIds: readonly number[];
}

export interface SurfaceExploration {
  /** Probability that a position that is open to it shows a movie of the pool; 0 is off. */
  readonly share: number;
  /** Positions before this one (from 1) are never given away. */
  readonly fromPosition: number;
  /** So many movies are drawn from, at most. */
  readonly pool: number;
}

export function isCurrent({ from, until }: Dated, now: number): boolean {
  return (from === null || now >= from) && (until === null || now < until);
}
