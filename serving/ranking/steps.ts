import type { Catalogue } from './catalogue.ts';
import type { Random } from '../../common/random.ts';

/** A movie on its way into a list. Steps take lists in order and give lists in order. */
export interface Ranked {
  readonly movieId: number;
  /** Above 0 where something speaks for it. */
  readonly score: number;
  /** How it came to be here. */
  readonly origin: 'ranked' | 'popular' | 'pinned' | 'explored';
  /** Probability that this movie stands at this position, given all that is known of the user. */
  readonly propensity: number;
}

/** How often a movie was shown without a response, decayed. */
export type Shown = ReadonlyMap<number, number>;

function byScore(a: Ranked, b: Ranked): number {
  return b.score - a.score;
}

/** Scores times 0.8 for each time that a movie was shown and nothing came of it. */
export function discountImpressions(
  list: readonly Ranked[],
  shown: Shown,
  discount: number,
): readonly Ranked[] {
  if (discount === 1 || shown.size === 0) return list;
  return list
    .map((item) => {
      const times = shown.get(item.movieId) ?? 0;
      return times === 0 ? item : { ...item, score: weaken(item.score, discount ** times) };
    })
    .sort(byScore);
}

/** Scores times (1 + popularity)^exponent; an exponent below 0 gives less known movies a chance. */
export function temperPopularity(
  list: readonly Ranked[],
  popularityOf: (movieId: number) => number,
  exponent: number,
): readonly Ranked[] {
  if (exponent === 0) return list;
  return list
    .map((item) => ({
      ...item,
      score: weaken(item.score, (1 + popularityOf(item.movieId)) ** exponent),
    }))
    .sort(byScore);
}

/** Soft preference: -1 halves a score that speaks for a movie, +1 doubles it. */
export function boost(
  list: readonly Ranked[],
  boostOf: (movieId: number) => number,
): readonly Ranked[] {
  return list
    .map((item) => ({ ...item, score: weaken(item.score, 2 ** boostOf(item.movieId)) }))
    .sort(byScore);
}

/** Times a factor in the direction in which the score counts: what is below 0 sinks when weakened. */
function weaken(score: number, factor: number): number {
  return score >= 0 ? score * factor : score / factor;
}

export type Diversity =
  | { readonly kind: 'none' }
  /** Maximal marginal relevance (Carbonell, Goldstein 1998) over the first `over`, by genres. */
  | { readonly kind: 'mmr'; readonly relevance: number; readonly over: number }
  | { readonly kind: 'most_per_genre'; readonly most: number };

/** Rearranges the list; nothing is left out while nothing else could take its place. */
export function diversify(
  list: readonly Ranked[],
  catalogue: Catalogue,
  diversity: Diversity,
): readonly Ranked[] {
  switch (diversity.kind) {
    case 'none':
      return list;
    case 'mmr':
      return marginalRelevance(list, catalogue, diversity);
    case 'most_per_genre':
      return mostPerGenre(list, catalogue, diversity.most);
  }
}

function marginalRelevance(
  list: readonly Ranked[],
  catalogue: Catalogue,
  { relevance, over }: { readonly relevance: number; readonly over: number },
): readonly Ranked[] {
  const waiting = list.slice(0, over);
  const best = Math.max(...waiting.map((item) => item.score), 0);
  if (best === 0) return list;
  const chosen: Ranked[] = [];
  /** Of each waiting movie the likeness to the most alike chosen one. */
  const likeness = waiting.map(() => 0);
  while (waiting.length > 0) {
    let next = 0;
    let value = -Infinity;
    waiting.forEach((item, i) => {
      const gain = (relevance * item.score) / best - (1 - relevance) * (likeness[i] as number);
      if (gain > value) [next, value] = [i, gain];
    });
    const [taken] = waiting.splice(next, 1);
    likeness.splice(next, 1);
    if (taken === undefined) break;
    chosen.push(taken);
    waiting.forEach((item, i) => {
      const alike = genreLikeness(catalogue, item.movieId, taken.movieId);
      likeness[i] = Math.max(likeness[i] as number, alike);
    });
  }
  return [...chosen, ...list.slice(over)];
}

/** Jaccard's index of two movies' genres; 0 where one has none. */
export function genreLikeness(catalogue: Catalogue, a: number, b: number): number {
  const first = genresOf(catalogue, a);
  const second = genresOf(catalogue, b);
  let shared = 0;
  for (const genre of first) if (second.includes(genre)) shared++;
  const all = first.length + second.length - shared;
  return all === 0 ? 0 : shared / all;
}

const NO_GENRES = new Uint16Array(0);

function genresOf(catalogue: Catalogue, movieId: number): Uint16Array {
  const place = catalogue.placeOf.get(movieId);
  return place === undefined ? NO_GENRES : (catalogue.genresOf[place] ?? NO_GENRES);
}

/** At most so many of a genre before the rest; what is too much follows in its order. */
function mostPerGenre(
  list: readonly Ranked[],
  catalogue: Catalogue,
  most: number,
): readonly Ranked[] {
  const counts = new Map<number, number>();
  const first: Ranked[] = [];
  const rest: Ranked[] = [];
  for (const item of list) {
    const genres = genresOf(catalogue, item.movieId);
    if (genres.some((genre) => (counts.get(genre) ?? 0) >= most)) {
      rest.push(item);
      continue;
    }
    for (const genre of genres) counts.set(genre, (counts.get(genre) ?? 0) + 1);
    first.push(item);
  }
  return [...first, ...rest];
}

/** Movies that take given positions (from 1); the others move on. */
export interface Pin {
  readonly movieId: number;
  readonly position: number;
}

/** The list's first `length`, with the pinned movies at their positions. */
export function pin(list: readonly Ranked[], pins: readonly Pin[], length: number): Ranked[] {
  const pinned = new Set(pins.map(({ movieId }) => movieId));
  const others = list.filter(({ movieId }) => !pinned.has(movieId)).values();
  const at = new Map(pins.map(({ movieId, position }) => [position, movieId]));
  const result: Ranked[] = [];
  for (let position = 1; position <= length; position++) {
    const movieId = at.get(position);
    if (movieId !== undefined) {
      const own = list.find((item) => item.movieId === movieId);
      result.push({ movieId, score: own?.score ?? 0, origin: 'pinned', propensity: 1 });
      continue;
    }
    const { value, done } = others.next();
    if (done === true) continue; // a pin may stand further down
    result.push(value);
  }
  return result;
}

export interface Exploration {
  /** Probability that a position that is open to it shows a movie of the pool. */
  readonly share: number;
  /** Positions before this one (from 1) are never given away. */
  readonly fromPosition: number;
}

/**
 * Each position from `fromPosition` on shows, with probability `share` and on its own, a movie of the pool
 * in the place of its own, drawn evenly without one being drawn twice. By symmetry a movie of the pool
 * stands at such a position with probability share / pool, and the position's own with 1 - share; pinned
 * movies stay. The pool holds no movie of the list and at least as many as there are open positions:
 * of a smaller one nothing is explored.
 */
export function explore(
  list: readonly Ranked[],
  pool: readonly number[],
  { share, fromPosition }: Exploration,
  random: Random,
): readonly Ranked[] {
  const isOpen = (item: Ranked, i: number): boolean =>
    i + 1 >= fromPosition && item.origin !== 'pinned';
  const open = list.reduce((count, item, i) => count + Number(isOpen(item, i)), 0);
  if (share === 0 || pool.length < open || open === 0) return list;
  const left = pool.slice();
  return list.map((item, i) => {
    if (!isOpen(item, i)) return item;
    if (random.next() >= share) return { ...item, propensity: item.propensity * (1 - share) };
    const [movieId = 0] = left.splice(random.below(left.length), 1);
    return { movieId, score: 0, origin: 'explored', propensity: share / pool.length };
  });
}
