import type { Catalogue } from './catalogue.ts';
import type { Boosts } from './surface.ts';

/** A movie on its way into a list. Steps take lists in order and give lists in order. */
export interface Ranked {
  readonly movieId: number;
  /** Above 0 where something speaks for it. */
  readonly score: number;
  /** How it came to be here; `pinned` is by a pin or for a reserved slot. */
  readonly origin: 'ranked' | 'popular' | 'pinned' | 'explored';
  /** Probability that this movie stands at this position, given all that is known of the user. */
  readonly propensity: number;
}

/** How often a movie was shown without a response, decayed. */
export type Shown = ReadonlyMap<number, number>;

/** What a movie's score is multiplied by; 1 leaves it alone. */
export type Factor = (movieId: number) => number;

/** The discount for each time that a movie was shown and nothing came of it. Null: changes nothing. */
export function impressionFactor(shown: Shown, discount: number): Factor | null {
  if (discount === 1 || shown.size === 0) return null;
  return (movieId) => discount ** (shown.get(movieId) ?? 0);
}

/** (1 + popularity)^exponent; an exponent below 0 gives less known movies a chance. */
export function popularityFactor(
  popularityOf: (movieId: number) => number,
  exponent: number,
): Factor | null {
  if (exponent === 0) return null;
  return (movieId) => (1 + popularityOf(movieId)) ** exponent;
}

/**
 * Soft preference: -1 halves a score that speaks for a movie, +1 doubles it. A movie's own boost counts
 * alone; else those of its genres together, -1 to +1.
 */
export function boostFactor({ genres, movies }: Boosts, catalogue: Catalogue): Factor | null {
  if (genres.size === 0 && movies.size === 0) return null;
  const ofGenre = catalogue.genres.map((name) => genres.get(name.toLowerCase()) ?? 0);
  return (movieId) => {
    const own = movies.get(movieId);
    if (own !== undefined) return 2 ** own;
    let sum = 0;
    for (const genre of catalogue.genresOf[catalogue.placeOf.get(movieId) ?? -1] ?? [])
      sum += ofGenre[genre] as number;
    return 2 ** Math.min(1, Math.max(-1, sum));
  };
}

/** Whatever the factors are, a score keeps its sign, and one below 0 stays finite. */
const FACTOR_MIN = 1e-9;

/**
 * Scores times the factors, in the direction in which they count: what is below 0 sinks when weakened.
 * Movies that nothing speaks for have no score to weaken: among them popularity is what the factors are
 * applied to, as far as it goes with their order. Without factors the list stays as it is.
 */
export function reweigh(
  list: readonly Ranked[],
  factors: readonly Factor[],
  popularityOf: (movieId: number) => number,
): readonly Ranked[] {
  if (factors.length === 0) return list;
  let least = Infinity;
  const weighed = list.map((item) => {
    let factor = 1;
    for (const factorOf of factors) factor *= factorOf(item.movieId);
    factor = Math.max(factor, FACTOR_MIN);
    if (item.score !== 0) {
      const score = item.score > 0 ? item.score * factor : item.score / factor;
      return { item, score, tie: 0 };
    }
    // Never above the one before, so that equal factors keep the order.
    least = Math.min(least, 1 + popularityOf(item.movieId));
    return { item, score: 0, tie: least * factor };
  });
  weighed.sort((a, b) => b.score - a.score || b.tie - a.tie);
  return weighed.map(({ item, score }) => (score === item.score ? item : { ...item, score }));
}
