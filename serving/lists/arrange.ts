import type { Random } from '../../common/random.ts';
import { diversify } from '../ranking/diversity.ts';
import { createEligible } from '../ranking/eligible.ts';
import type { EligibleRules } from '../ranking/eligible.ts';
import { explore } from '../ranking/exploration.ts';
import { place } from '../ranking/placing.ts';
import type { PlacedList } from '../ranking/placing.ts';
import { boostFactor, impressionFactor, popularityFactor, reweigh } from '../ranking/steps.ts';
import type { Factor, Ranked, Shown } from '../ranking/steps.ts';
import { isCurrent } from '../ranking/surface.ts';
import type { Surface } from '../ranking/surface.ts';

/** A movie of a list as it is answered and logged. */
export type ListItem = Ranked;

export type ListCandidate = Omit<ListItem, 'propensity'>;

export interface ArrangeInput extends EligibleRules {
  /**
   * The best first, scores falling. Asked for only as far as the list needs, so one source may follow
   * another (a generator): a movie that came before is passed over. Scores of one scale; what comes
   * only to fill the list has score 0.
   */
  readonly candidates: Iterable<ListCandidate>;
  /** Users who liked the movie. */
  readonly popularityOf: (movieId: number) => number;
  readonly shown: Shown;
  readonly surface: Surface;
  readonly length: number;
  /** Of the first item, from 1: pins and reserved slots go by positions of all pages. */
  readonly firstPosition: number;
  /** What may be explored, the first first; null: the candidates behind the list. */
  readonly pool: Iterable<number> | null;
  /** Epoch ms. */
  readonly now: number;
  readonly random: Random;
}

/** Steps that change the order look at so many movies: whoever sinks has somebody to make room for. */
const CONSIDERED_MIN = 200;

/**
 * How many candidates that are eligible `arrange` asks for, at most: so many are worth making. Where seen
 * movies are demoted these are unseen ones.
 */
export function candidatesNeeded(surface: Surface, length: number, shown: Shown): number {
  const { diversity, exploration } = surface;
  const reorders =
    (surface.impressionDiscount !== 1 && shown.size > 0) ||
    surface.popularityExponent !== 0 ||
    surface.boosts.genres.size + surface.boosts.movies.size > 0;
  const depth = depthOf(surface, length, reorders || diversity.kind === 'most_per_genre');
  return depth + (exploration.share > 0 ? exploration.pool : 0);
}

/** How far down the order matters for a list of this length. */
function depthOf({ diversity }: Surface, length: number, reorders: boolean): number {
  const over = diversity.kind === 'mmr' ? diversity.over : 0;
  return Math.max(length, over, reorders ? Math.max(CONSIDERED_MIN, 2 * length) : 0);
}

/**
 * Candidates as the surface wants them, in this order: filters, the policy for what was seen, impression
 * discount, popularity, boosts (these three multiply the score), diversity, pins and reserved slots,
 * exploration. Whatever the steps are: no movie twice, none that isn't eligible, and as many as are asked
 * for or, if they are fewer, as there are. With all steps off it is the candidates' order.
 */
export function arrange(input: ArrangeInput): readonly ListItem[] {
  const { surface, length, catalogue, popularityOf } = input;
  const { diversity, exploration } = surface;
  const eligible = createEligible(input);
  const factors = factorsOf(input);
  const fromBehind = exploration.share > 0 && input.pool === null ? exploration.pool : 0;
  const reorders = factors.length > 0 || diversity.kind === 'most_per_genre';
  const { first, behind } = take(input, eligible, depthOf(surface, length, reorders) + fromBehind);
  const inOrder = (list: readonly Ranked[]): readonly Ranked[] =>
    diversify(reweigh(list, factors, popularityOf), catalogue, diversity, length);
  const best = inOrder(first);
  const list = best.length < length ? [...best, ...inOrder(behind)] : best;
  const placed = placeRules(input, eligible, list);
  if (exploration.share === 0) return placed.items;
  const isOpen = ({ movieId }: Ranked, index: number): boolean =>
    input.firstPosition + index >= exploration.fromPosition && !placed.fixed.has(movieId);
  const pool = poolOf(input, eligible, best, placed.items);
  return explore(placed.items, pool, { share: exploration.share, isOpen }, input.random);
}

function factorsOf({ surface, shown, popularityOf, catalogue }: ArrangeInput): readonly Factor[] {
  return [
    impressionFactor(shown, surface.impressionDiscount),
    popularityFactor(popularityOf, surface.popularityExponent),
    boostFactor(surface.boosts, catalogue),
  ].filter((factor) => factor !== null);
}

/** Seen movies that stand behind all others; null where none do. */
function demotedBy({ seen, seenPolicy, surface }: ArrangeInput): ReadonlySet<number> | null {
  return (seenPolicy ?? surface.seen) === 'demote' && seen.size > 0 ? seen : null;
}

/** The first candidates that are eligible, each once; what is demoted apart. */
function take(
  input: ArrangeInput,
  eligible: (movieId: number) => boolean,
  wanted: number,
): { first: readonly Ranked[]; behind: readonly Ranked[] } {
  const first: Ranked[] = [];
  const behind: Ranked[] = [];
  const demoted = demotedBy(input);
  const taken = new Set<number>();
  if (wanted === 0) return { first, behind };
  for (const { movieId, score, origin } of input.candidates) {
    if (taken.has(movieId) || !eligible(movieId)) continue;
    const to = demoted?.has(movieId) === true ? behind : first;
    if (to.length === wanted) continue;
    taken.add(movieId);
    to.push({ movieId, score, origin, propensity: 1 });
    if (first.length === wanted) break;
  }
  return { first, behind };
}

/** Pins and reserved slots of this moment, of movies that may be shown. */
function placeRules(
  { surface, length, firstPosition, filter, now }: ArrangeInput,
  eligible: (movieId: number) => boolean,
  list: readonly Ranked[],
): PlacedList {
  const pins = surface.pins.filter((pin) => isCurrent(pin, now) && eligible(pin.movieId));
  // What later pages exclude was on the pages before.
  const before = new Set(firstPosition === 1 ? [] : filter.exclude);
  const reserved = surface.reserved
    .filter((slots) => isCurrent(slots, now))
    .map(({ slots, of, movieIds }) => ({
      slots: slots - movieIds.filter((movieId) => before.has(movieId)).length,
      of,
      movieIds: movieIds.filter(eligible),
    }));
  return place(list, pins, reserved, length, firstPosition);
}

/** Movies to explore that the list doesn't have; none that the user has seen where those are demoted. */
function poolOf(
  input: ArrangeInput,
  eligible: (movieId: number) => boolean,
  best: readonly Ranked[],
  items: readonly Ranked[],
): readonly number[] {
  const demoted = demotedBy(input);
  const taken = new Set(items.map(({ movieId }) => movieId));
  const pool: number[] = [];
  for (const movieId of input.pool ?? best.map((item) => item.movieId)) {
    if (pool.length === input.surface.exploration.pool) break;
    if (taken.has(movieId) || !eligible(movieId) || demoted?.has(movieId) === true) continue;
    taken.add(movieId);
    pool.push(movieId);
  }
  return pool;
}
