import type { Action } from '../../schemas/user-action.ts';
import type { ServeSource } from '../../schemas/recommendation-serve.ts';
import type { Truth } from './model.ts';
import { queryFor } from './names.ts';
import { sigmoid } from './random.ts';
import type { Random } from './random.ts';

/** What a user did, before it has a time, an id and its user's name. Times are in the session. */
export interface DraftAction {
  readonly kind: 'action';
  readonly atMs: number;
  readonly action: Action;
  /** Index of the movie; null for a search without a pick. */
  readonly movie: number | null;
  readonly value: number | null;
  /** True when it answers the session's serve; then `position` is the movie's place in it. */
  readonly answers: boolean;
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

/** No session is longer, however much is watched in it. */
export const SESSION_MS_MAX = 4 * 3_600_000;

const LIST_LENGTH = 10;
const CANDIDATES = 60;
const PLAYS_MAX = 2;
const WATCH_MS_MIN = 70 * 60_000;
const WATCH_MS_SPREAD = 40 * 60_000;

/** Where lists come from, how often, and how much of their order is taste and not chance. */
const SOURCES: readonly {
  readonly source: ServeSource;
  readonly algorithm: string;
  readonly share: number;
  readonly skill: number;
}[] = [
  { source: 'cache', algorithm: 'als-blend', share: 0.4, skill: 0.65 },
  { source: 'similarity', algorithm: 'als-blend', share: 0.3, skill: 0.75 },
  { source: 'batch', algorithm: 'als', share: 0.2, skill: 0.45 },
  { source: 'popular', algorithm: 'popular', share: 0.1, skill: 0 },
];

/** What a user keeps between sessions. */
export interface UserState {
  readonly seen: Set<number>;
  /** On the user's list, oldest first. */
  readonly listed: number[];
}

export interface SessionContext {
  readonly truth: Truth;
  readonly random: Random;
  /** A movie that is come across, by popularity. */
  drawMovie(): number;
}

/**
 * One visit. Three in four begin with a list of recommendations, of which a user looks at the first
 * few (less and less down the list); the others search. What is clicked, played, watched to the end,
 * rated, liked and listed follows from liking:
 *
 *     P(click | looked at)  = sigmoid(0.9 * liking - 3.8)
 *     P(play | clicked)     = sigmoid(0.7 * liking - 0.6)
 *     share watched         = sigmoid(0.7 * liking - 0.2 + N(0, 1))
 *     stars                 = 2.5 + 0.5 * liking + N(0, 0.5), in halves from 0.5 to 5
 */
export function playSession(user: number, state: UserState, context: SessionContext): Draft[] {
  const { random } = context;
  const visit = createVisit(user, state, context);
  if (random.next() < 0.75) visit.browseServe();
  else visit.search();
  if (state.listed.length > 0 && random.next() < 0.15) visit.takeFromList();
  return visit.drafts;
}

function createVisit(user: number, state: UserState, { truth, random, drawMovie }: SessionContext) {
  const drafts: Draft[] = [];
  let nowMs = 0;
  let plays = 0;

  function emit(
    action: Action,
    movie: number | null,
    position: number | null,
    rest: { value?: number; query?: string; answers?: boolean } = {},
  ): void {
    drafts.push({
      kind: 'action',
      atMs: nowMs,
      action,
      movie,
      value: rest.value ?? null,
      answers: rest.answers ?? position !== null,
      position,
      query: rest.query ?? null,
    });
  }

  const pause = (minMs: number, spreadMs: number): void => {
    nowMs += minMs + random.below(spreadMs);
  };

  /** Not seen yet, each once. */
  function candidates(): number[] {
    const found = new Set<number>();
    for (let tries = 0; found.size < CANDIDATES && tries < 4 * CANDIDATES; tries++) {
      const movie = drawMovie();
      if (!state.seen.has(movie)) found.add(movie);
    }
    return [...found];
  }

  function serve(): number[] {
    let left = random.next();
    const found = SOURCES.find(({ share }) => (left -= share) < 0) ?? SOURCES[0];
    const { source, algorithm, skill } = found as (typeof SOURCES)[number];
    const scored = candidates().map((movie) => {
      const merit = skill === 0 ? Math.log(truth.popularity[movie] as number) : 0;
      const taste = skill * truth.liking(user, movie) + (1 - skill) * 2 * random.normal();
      return { movie, score: skill === 0 ? merit : taste };
    });
    scored.sort((a, b) => b.score - a.score);
    const best = scored.slice(0, LIST_LENGTH);
    drafts.push({
      kind: 'serve',
      atMs: nowMs,
      source,
      algorithm,
      movies: best.map(({ movie }) => movie),
      scores: best.map(({ score }) => Math.round(score * 1e4) / 1e4),
      latencyMs: Math.round((source === 'cache' ? 2 : 12) * (1 + random.next()) * 10) / 10,
    });
    return best.map(({ movie }) => movie);
  }

  function open(movie: number, position: number | null): void {
    emit('click', movie, position);
    pause(200, 600);
    emit('view', movie, position);
    pause(3_000, 20_000);
    const liking = truth.liking(user, movie);
    const isPlayed = plays < PLAYS_MAX && random.next() < sigmoid(0.7 * liking - 0.6);
    if (isPlayed) watch(movie, position, liking);
    else if (random.next() < 0.3 * sigmoid(liking)) {
      emit('list_add', movie, position);
      if (!state.listed.includes(movie)) state.listed.push(movie);
      pause(500, 2_000);
    }
  }

  function watch(movie: number, position: number | null, liking: number): void {
    plays += 1;
    state.seen.add(movie);
    emit('play', movie, position);
    const beginMs = nowMs;
    const lengthMs = WATCH_MS_MIN + random.below(WATCH_MS_SPREAD);
    const share = sigmoid(0.7 * liking - 0.2 + random.normal());
    for (const mark of [0.25, 0.5, 0.75]) {
      if (share < mark) break;
      nowMs = beginMs + Math.floor(mark * lengthMs);
      emit('progress', movie, position, { value: mark });
    }
    nowMs = beginMs + Math.floor(share * lengthMs);
    const watched = Math.round(share * 1000) / 1000;
    if (share >= 0.8) emit('complete', movie, position, { value: watched });
    else emit('progress', movie, position, { value: watched });
    pause(1_000, 9_000);
    if (random.next() < 0.35) emit('rate', movie, position, { value: starsOf(liking) });
    if (liking > 0.8 && random.next() < 0.2) emit('like', movie, position);
    if (liking < -0.8 && random.next() < 0.3) emit('dislike', movie, position);
    if (liking > 1 && random.next() < 0.08) emit('share', movie, position);
    pause(1_000, 5_000);
  }

  function starsOf(liking: number): number {
    const stars = 2.5 + 0.5 * liking + 0.5 * random.normal();
    return Math.min(5, Math.max(0.5, Math.round(2 * stars) / 2));
  }

  return {
    drafts,
    browseServe(): void {
      const list = serve();
      const shown = Math.min(list.length, 3 + random.below(LIST_LENGTH - 2));
      pause(80, 200);
      for (let place = 0; place < shown; place++) {
        emit('impression', list[place] as number, place + 1);
        nowMs += 20 + random.below(60);
      }
      for (let place = 0; place < shown; place++) {
        const movie = list[place] as number;
        const lookedAt = random.next() < (place + 1) ** -0.35;
        pause(500, 2_500);
        if (lookedAt && random.next() < sigmoid(0.9 * truth.liking(user, movie) - 3.8))
          open(movie, place + 1);
      }
    },
    search(): void {
      const found = candidates().slice(0, 12);
      const ranked = found
        .map((movie) => ({ movie, wish: truth.liking(user, movie) + random.normal() }))
        .sort((a, b) => b.wish - a.wish);
      const wanted = ranked[0]?.movie;
      if (wanted === undefined) return;
      const query = queryFor(truth.movies[wanted]?.title ?? '', random);
      const isFound = random.next() < 0.8;
      emit('search', isFound ? wanted : null, null, { query });
      pause(1_500, 6_000);
      if (isFound) open(wanted, null);
    },
    takeFromList(): void {
      const movie = state.listed.shift() as number;
      pause(1_000, 5_000);
      if (!state.seen.has(movie) && plays < PLAYS_MAX)
        watch(movie, null, truth.liking(user, movie));
      emit('list_remove', movie, null);
    },
  };
}
