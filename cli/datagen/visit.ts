import type { Action } from '../../schemas/user-action.ts';
import type { ServeSource } from '../../schemas/recommendation-serve.ts';
import type { Truth } from './model.ts';
import { queryFor } from './names.ts';
import type { Random } from '../../common/random.ts';
import { HOUR_MS, MINUTE_MS } from '../../common/time.ts';

/**
 * An action before it has a time, an id and its user's name; `atMs` counts from the visit's begin.
 */
export interface DraftAction {
  readonly kind: 'action';
  readonly atMs: number;
  readonly action: Action;
  /** Index of the movie; null for a search without a pick. */
  readonly movie: number | null;
  readonly value: number | null;
  /** The movie's place in the visit's serve, from 1, when it answers that. */
  readonly position: number | null;
  readonly query: string | null;
}

export interface DraftServe {
  readonly kind: 'serve';
  readonly atMs: number;
  readonly source: ServeSource;
  readonly algorithm: string;
  readonly movies: readonly number[];
  readonly scores: readonly number[];
  readonly latencyMs: number;
}

export type Draft = DraftAction | DraftServe;

/** No visit is longer, however much is watched in it. */
export const VISIT_MS_MAX = 4 * HOUR_MS;

const LIST_LENGTH = 10;
const CANDIDATES = 60;
const PLAYS_MAX = 2;
const WATCH_MS_MIN = 70 * MINUTE_MS;
const WATCH_MS_SPREAD = 40 * MINUTE_MS;

/** An origin of lists: its share of them, and how much of their order is taste and not chance. */
interface Source {
  readonly source: ServeSource;
  readonly algorithm: string;
  readonly share: number;
  readonly skill: number;
}
const POPULAR: Source = { source: 'popular', algorithm: 'popular', share: 0.1, skill: 0 };
const SOURCES: readonly Source[] = [
  { source: 'cache', algorithm: 'als-blend', share: 0.4, skill: 0.65 },
  { source: 'similarity', algorithm: 'als-blend', share: 0.3, skill: 0.75 },
  { source: 'batch', algorithm: 'als', share: 0.2, skill: 0.45 },
  POPULAR,
];

/** A user's memory between visits. */
export interface UserState {
  readonly seen: Set<number>;
  /** On the user's list, oldest first. */
  readonly listed: number[];
}

export interface VisitContext {
  readonly truth: Truth;
  readonly random: Random;
  /** A movie that is come across, by popularity. */
  drawMovie(): number;
}

interface Visit extends VisitContext {
  readonly user: number;
  readonly state: UserState;
  readonly drafts: Draft[];
  nowMs: number;
  plays: number;
}

/**
 * One visit. Three in four begin with a list of recommendations, of which a user looks at the first
 * few (less and less down the list); the others search. What is clicked, played, watched to the
 * end, rated, liked and listed follows from liking:
 *
 *     P(click | looked at)  = sigmoid(0.7 * liking - 3)
 *     P(play | clicked)     = sigmoid(0.5 * liking - 0.4)
 *     share watched         = sigmoid(0.5 * liking - 0.4 + N(0, 1))
 *     stars                 = 2.4 + 0.5 * liking + N(0, 0.5), in halves from 0.5 to 5
 */
export function playVisit(user: number, state: UserState, context: VisitContext): Draft[] {
  const { random } = context;
  const visit: Visit = { ...context, user, state, drafts: [], nowMs: 0, plays: 0 };
  if (random.next() < 0.75) browseServe(visit);
  else search(visit);
  if (state.listed.length > 0 && random.next() < 0.15) takeFromList(visit);
  return visit.drafts;
}

function browseServe(visit: Visit): void {
  const { random, truth, user } = visit;
  const list = serve(visit);
  const shown = list.slice(0, 3 + random.below(LIST_LENGTH - 2));
  pause(visit, 80, 200);
  for (const [place, movie] of shown.entries()) {
    emit(visit, 'impression', movie, { position: place + 1 });
    pause(visit, 20, 60);
  }
  for (const [place, movie] of shown.entries()) {
    const isLookedAt = random.next() < (place + 1) ** -0.35;
    pause(visit, 500, 2_500);
    const isClicked = isLookedAt && random.next() < sigmoid(0.7 * truth.liking(user, movie) - 3);
    if (isClicked) open(visit, movie, place + 1);
  }
}

function search(visit: Visit): void {
  const { random, truth, user } = visit;
  const found = candidates(visit).slice(0, 12);
  const ranked = found
    .map((movie) => ({ movie, wish: truth.liking(user, movie) + random.normal() }))
    .sort((a, b) => b.wish - a.wish);
  const wanted = ranked[0]?.movie;
  if (wanted === undefined) return;
  const query = queryFor(truth.movies[wanted]?.title ?? '', random);
  const isFound = random.next() < 0.8;
  emit(visit, 'search', isFound ? wanted : null, { query });
  pause(visit, 1_500, 6_000);
  if (isFound) open(visit, wanted, null);
}

function takeFromList(visit: Visit): void {
  const { state, truth, user } = visit;
  const movie = state.listed.shift();
  if (movie === undefined) return;
  pause(visit, 1_000, 5_000);
  if (!state.seen.has(movie) && visit.plays < PLAYS_MAX)
    watch(visit, movie, null, truth.liking(user, movie));
  emit(visit, 'list_remove', movie);
}

/** Makes a list, notes that it was served, and returns it. */
function serve(visit: Visit): readonly number[] {
  const { random, truth, user, drafts, nowMs } = visit;
  let left = random.next();
  const { source, algorithm, skill } = SOURCES.find(({ share }) => (left -= share) < 0) ?? POPULAR;
  const scored = candidates(visit).map((movie) => ({
    movie,
    score:
      skill === 0
        ? Math.log(truth.popularity[movie] as number)
        : skill * truth.liking(user, movie) + (1 - skill) * 2 * random.normal(),
  }));
  const best = scored.sort((a, b) => b.score - a.score).slice(0, LIST_LENGTH);
  const movies = best.map(({ movie }) => movie);
  drafts.push({
    kind: 'serve',
    atMs: nowMs,
    source,
    algorithm,
    movies,
    scores: best.map(({ score }) => Math.round(score * 1e4) / 1e4),
    latencyMs: Math.round((source === 'cache' ? 2 : 12) * (1 + random.next()) * 10) / 10,
  });
  return movies;
}

/** Movies that are come across and were not seen yet, each once. */
function candidates({ state, drawMovie }: Visit): number[] {
  const found = new Set<number>();
  for (let tries = 0; found.size < CANDIDATES && tries < 4 * CANDIDATES; tries++) {
    const movie = drawMovie();
    if (!state.seen.has(movie)) found.add(movie);
  }
  return [...found];
}

function open(visit: Visit, movie: number, position: number | null): void {
  const { random, state } = visit;
  emit(visit, 'click', movie, { position });
  pause(visit, 200, 600);
  emit(visit, 'view', movie, { position });
  pause(visit, 3_000, 20_000);
  const liking = visit.truth.liking(visit.user, movie);
  const isPlayed = visit.plays < PLAYS_MAX && random.next() < sigmoid(0.5 * liking - 0.4);
  if (isPlayed) watch(visit, movie, position, liking);
  else if (liking < 0.5 && random.next() < 0.1) emit(visit, 'dislike', movie, { position });
  else if (random.next() < 0.3 * sigmoid(liking)) {
    emit(visit, 'list_add', movie, { position });
    if (!state.listed.includes(movie)) state.listed.push(movie);
    pause(visit, 500, 2_000);
  }
}

function watch(visit: Visit, movie: number, position: number | null, liking: number): void {
  const { random } = visit;
  visit.plays += 1;
  visit.state.seen.add(movie);
  emit(visit, 'play', movie, { position });
  const beginMs = visit.nowMs;
  const lengthMs = WATCH_MS_MIN + random.below(WATCH_MS_SPREAD);
  const share = sigmoid(0.5 * liking - 0.4 + random.normal());
  const watchedTo = (part: number, action: Action): void => {
    visit.nowMs = beginMs + Math.floor(part * lengthMs);
    emit(visit, action, movie, { position, value: Math.round(part * 1000) / 1000 });
  };
  for (const mark of [0.25, 0.5, 0.75]) if (share >= mark) watchedTo(mark, 'progress');
  watchedTo(share, share >= 0.8 ? 'complete' : 'progress');
  pause(visit, 1_000, 9_000);
  const stars = 2.4 + 0.5 * liking + 0.5 * random.normal();
  const value = Math.min(5, Math.max(0.5, Math.round(2 * stars) / 2));
  if (random.next() < 0.35) emit(visit, 'rate', movie, { position, value });
  if (liking > 0.8 && random.next() < 0.2) emit(visit, 'like', movie, { position });
  if (liking < -0.8 && random.next() < 0.3) emit(visit, 'dislike', movie, { position });
  if (liking > 1 && random.next() < 0.08) emit(visit, 'share', movie, { position });
  pause(visit, 1_000, 5_000);
}

function emit(
  { drafts, nowMs }: Visit,
  action: Action,
  movie: number | null,
  rest: { value?: number; query?: string; position?: number | null } = {},
): void {
  const { value = null, query = null, position = null } = rest;
  drafts.push({ kind: 'action', atMs: nowMs, action, movie, value, position, query });
}

function pause(visit: Visit, minMs: number, spreadMs: number): void {
  visit.nowMs += minMs + visit.random.below(spreadMs);
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
