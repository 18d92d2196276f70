import { createRandom } from '../../common/random.ts';
import { createEligible } from '../ranking/eligible.ts';
import type { HistoryRow, UserState } from '../ranking/history.ts';
import type { Reason } from '../ranking/reasons.ts';
import type { Shown } from '../ranking/steps.ts';
import type { RequestFilter, SeenPolicy, Surface } from '../ranking/surface.ts';
import { topCandidates } from '../ranking/top.ts';
import { arrange, candidatesNeeded } from './arrange.ts';
import type { ListSources } from './list-sources.ts';
import type { ListCandidate } from './arrange.ts';
import type { Algorithm, ListItem } from './list.ts';
import { popularMovies } from './popular-movies.ts';
import type { Rankers, UserScores } from './rankers.ts';

export interface ListWish {
  readonly surface: Surface;
  readonly length: number;
  readonly filter: RequestFilter;
  /** Null is the surface's. */
  readonly seenPolicy: SeenPolicy | null;
  /** Of the first item, from 1. */
  readonly firstPosition: number;
  readonly shown: Shown;
  /** A list of other making, which comes before what is popular; by default none. */
  readonly first?: FirstCandidates | null;
}

/** Candidates that another ranker gives, the best first. */
export interface FirstCandidates {
  readonly algorithm: Algorithm;
  readonly reason: Reason;
  readonly candidates: readonly ListCandidate[];
}

export interface MadeList {
  readonly algorithm: Algorithm;
  /** By the surface's rules, but nothing explored yet: that is drawn anew each time the list is served. */
  readonly items: readonly ListItem[];
  /** What may be explored; empty where the surface doesn't. */
  readonly pool: readonly ListItem[];
}

/** Makes lists of one user, for any surface. */
export interface UserLists {
  /** Whether something the user did decides what is in them. */
  readonly personal: boolean;
  make(wish: ListWish): MadeList;
}

const NOBODY: UserState = { profileVersion: 0, history: [] };

/**
 * A user's lists as of `now`; null stands for somebody of whom nothing is known, or nothing may be used.
 * The rankers' sums are one user's at a time: where another's were asked for meanwhile, they are made again.
 */
export function userLists(sources: ListSources, user: UserState | null, now: number): UserLists {
  const { history } = user ?? NOBODY;
  const { rankers } = sources;
  const score = (): UserScores | null =>
    history.length === 0 ? null : (rankers?.score(history, now) ?? null);
  let scored = score();
  const seen = new Set(history.filter((row) => row.seen).map((row) => row.movieId));
  return {
    personal: scored !== null,
    make(wish) {
      if (scored?.isCurrent() === false) scored = score();
      return makeList(sources, scored, { history, seen }, wish, now);
    },
  };
}

function makeList(
  sources: ListSources,
  scored: UserScores | null,
  {
    history,
    seen,
  }: { readonly history: readonly HistoryRow[]; readonly seen: ReadonlySet<number> },
  wish: ListWish,
  now: number,
): MadeList {
  const { catalogue, rankers } = sources;
  const { surface, length, filter, seenPolicy } = wish;
  const explores = surface.exploration.share > 0;
  const eligible = createEligible({ catalogue, surface, filter, seen, seenPolicy });
  const depth = candidatesNeeded(surface, length, wish.shown);
  const candidates = function* (): Generator<ListCandidate> {
    if (scored !== null && rankers !== null) yield* rankedMovies(rankers, scored, depth, eligible);
    yield* wish.first?.candidates ?? [];
    yield* popularMovies(sources, (scored ?? wish.first ?? null) !== null);
  };
  const items = rankers?.items;
  const arranged = arrange({
    ...{ catalogue, surface: explores ? unexplored(surface) : surface, filter, seen, seenPolicy },
    candidates: candidates(),
    popularityOf: (movieId) => items?.popularity[items.placeOf.get(movieId) ?? -1] ?? 0,
    shown: wish.shown,
    length: explores ? length + surface.exploration.pool : length,
    firstPosition: wish.firstPosition,
    pool: null,
    now,
    random: NEVER_DRAWN,
  });
  const reasons = scored === null ? NO_REASONS : reasonsOf(rankers, scored, arranged);
  const ranked = wish.first?.reason ?? POPULAR;
  const reasonOf = (movieId: number, origin: string): Reason => {
    if (origin === 'pinned') return PINNED;
    return reasons.get(movieId) ?? (origin === 'ranked' ? ranked : POPULAR);
  };
  const reasoned = arranged.map(({ movieId, score, origin, propensity }): ListItem => ({
    ...{ movieId, score, propensity },
    reason: reasonOf(movieId, origin),
  }));
  return {
    algorithm: scored?.algorithm ?? wish.first?.algorithm ?? popularAlgorithm(sources),
    items: reasoned.slice(0, length),
    pool: explores ? poolOf(sources, history, reasoned, wish, eligible) : [],
  };
}

/** What may be explored: movies nobody has liked yet and that fit the user, then what stands behind the list. */
function poolOf(
  { rankers }: ListSources,
  history: readonly HistoryRow[],
  list: readonly ListItem[],
  { surface, length }: ListWish,
  eligible: (movieId: number) => boolean,
): ListItem[] {
  const { pool } = surface.exploration;
  const listed = new Set(list.slice(0, length).map(({ movieId }) => movieId));
  const unknown = (rankers?.unknownMovies(history, 4 * pool) ?? [])
    .filter((movieId) => eligible(movieId) && !listed.has(movieId))
    .map((movieId): ListItem => ({ movieId, score: 0, propensity: 1, reason: EXPLORATION }));
  const drawn = new Set(unknown.map(({ movieId }) => movieId));
  const behind = list.slice(length).filter(({ movieId }) => !drawn.has(movieId));
  return [...unknown, ...behind].slice(0, pool);
}

function popularAlgorithm({ trending }: ListSources): Algorithm {
  return (trending?.movieIds.length ?? 0) > 0 ? 'trending' : 'popularity';
}

/** Nothing is drawn while a surface doesn't explore. */
const NEVER_DRAWN = createRandom(0);
const PINNED: Reason = { kind: 'pinned' };
const POPULAR: Reason = { kind: 'popular' };
const EXPLORATION: Reason = { kind: 'exploration' };
const NO_REASONS: ReadonlyMap<number, Reason> = new Map();

function unexplored(surface: Surface): Surface {
  return { ...surface, exploration: { ...surface.exploration, share: 0 } };
}

function* rankedMovies(
  { items }: Rankers,
  { scores }: UserScores,
  depth: number,
  eligible: (movieId: number) => boolean,
): Generator<ListCandidate> {
  const idOf = (place: number): number => items.movieIds[place] as number;
  for (const { place, score } of topCandidates(items, scores, depth, (p) => eligible(idOf(p))))
    yield { movieId: idOf(place), score, origin: scores.has(place) ? 'ranked' : 'popular' };
}

function reasonsOf(
  rankers: Rankers | null,
  scored: UserScores,
  arranged: readonly { readonly movieId: number; readonly origin: string }[],
): ReadonlyMap<number, Reason> {
  if (rankers === null) return NO_REASONS;
  const { placeOf, movieIds } = rankers.items;
  const places = new Set<number>();
  for (const { movieId, origin } of arranged) {
    const place = placeOf.get(movieId);
    if (origin === 'ranked' && place !== undefined) places.add(place);
  }
  const byMovie = new Map<number, Reason>();
  for (const [place, reason] of scored.reasons(places))
    byMovie.set(movieIds[place] as number, reason);
  return byMovie;
}
