import type { Action } from '../../schemas/user-action.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';

/**
 * What a batch adds to profiles and histories. Everything is a sum, a maximum, or "the one with the
 * greatest event id", so the result does not depend on the order of events or on where batches are
 * cut, and two processes may add to one user. Numbers are integers (thousandths), so sums are exact.
 */
export interface ProfileDelta {
  readonly userId: string;
  /** By action, in the order of COUNTED. */
  readonly counts: number[];
  total: number;
  ratingSumMilli: number;
  firstEventId: Buffer;
  lastEventId: Buffer;
}

/** What one user did to one movie. Ids order by time, then by their random part: latest wins. */
export interface HistoryDelta {
  readonly userId: string;
  readonly movieId: number;
  lastEventId: Buffer;
  clicks: number;
  views: number;
  plays: number;
  completes: number;
  shares: number;
  /** Largest share seen, in thousandths. */
  watchedMilli: number;
  rating: { readonly milli: number; readonly eventId: Buffer } | null;
  opinion: { readonly value: -1 | 1; readonly eventId: Buffer } | null;
  list: { readonly listed: boolean; readonly eventId: Buffer } | null;
}

export interface ProfilePlan {
  /** Ordered by user: rows are locked in this order, so two writers cannot wait for each other. */
  readonly profiles: readonly ProfileDelta[];
  /** Ordered by user, then movie. */
  readonly histories: readonly HistoryDelta[];
}

/** Each action's counter column in user_profiles. */
export const COUNTED: Readonly<Record<Action, string>> = {
  impression: 'impressions',
  view: 'views',
  click: 'clicks',
  play: 'plays',
  progress: 'progresses',
  complete: 'completes',
  rate: 'rates',
  like: 'likes',
  dislike: 'dislikes',
  list_add: 'list_adds',
  list_remove: 'list_removes',
  share: 'shares',
  search: 'searches',
};
export const COUNTER_COLUMNS = Object.values(COUNTED);
const COUNTER_INDEX: ReadonlyMap<string, number> = new Map(
  Object.keys(COUNTED).map((action, index) => [action, index]),
);

/** Impressions and searches say nothing of what a user did to a movie. */
export function entersHistory(event: UserActionRecord): boolean {
  return event.action !== 'impression' && event.action !== 'search' && event.movie_id !== null;
}

export function milli(value: number): number {
  return Math.round(value * 1000);
}

export function planProfiles(events: readonly UserActionRecord[]): ProfilePlan {
  const profiles = new Map<string, ProfileDelta>();
  const histories = new Map<string, Map<number, HistoryDelta>>();
  for (const event of events) {
    evolveProfile(profileOf(profiles, event), event);
    if (entersHistory(event)) evolveHistory(historyOf(histories, event), event);
  }
  return {
    profiles: [...profiles.values()].sort((a, b) => compareText(a.userId, b.userId)),
    histories: [...histories.values()]
      .flatMap((movies) => [...movies.values()])
      .sort((a, b) => compareText(a.userId, b.userId) || a.movieId - b.movieId),
  };
}

export function evolveProfile(delta: ProfileDelta, event: UserActionRecord): void {
  const index = COUNTER_INDEX.get(event.action);
  if (index === undefined) throw new Error(`no counter for the action ${event.action}`);
  delta.counts[index] = (delta.counts[index] ?? 0) + 1;
  delta.total++;
  if (event.action === 'rate') delta.ratingSumMilli += milli(event.value ?? 0);
  if (event.event_id.compare(delta.firstEventId) < 0) delta.firstEventId = event.event_id;
  if (event.event_id.compare(delta.lastEventId) > 0) delta.lastEventId = event.event_id;
}

export function evolveHistory(delta: HistoryDelta, event: UserActionRecord): void {
  const id = event.event_id;
  if (id.compare(delta.lastEventId) > 0) delta.lastEventId = id;
  const latest = (before: { readonly eventId: Buffer } | null) =>
    before === null || id.compare(before.eventId) > 0;
  switch (event.action as Action) {
    case 'click':
      delta.clicks++;
      break;
    case 'view':
      delta.views++;
      break;
    case 'share':
      delta.shares++;
      break;
    case 'play':
      delta.plays++;
      delta.watchedMilli = Math.max(delta.watchedMilli, milli(event.value ?? 0));
      break;
    case 'progress':
      delta.watchedMilli = Math.max(delta.watchedMilli, milli(event.value ?? 0));
      break;
    case 'complete':
      delta.completes++;
      delta.watchedMilli = Math.max(delta.watchedMilli, milli(event.value ?? 1));
      break;
    case 'rate':
      if (latest(delta.rating)) delta.rating = { milli: milli(event.value ?? 0), eventId: id };
      break;
    case 'like':
      if (latest(delta.opinion)) delta.opinion = { value: 1, eventId: id };
      break;
    case 'dislike':
      if (latest(delta.opinion)) delta.opinion = { value: -1, eventId: id };
      break;
    case 'list_add':
      if (latest(delta.list)) delta.list = { listed: true, eventId: id };
      break;
    case 'list_remove':
      if (latest(delta.list)) delta.list = { listed: false, eventId: id };
      break;
    case 'impression':
    case 'search':
      break;
  }
}

function profileOf(profiles: Map<string, ProfileDelta>, event: UserActionRecord): ProfileDelta {
  let delta = profiles.get(event.user_id);
  if (delta === undefined) {
    delta = {
      userId: event.user_id,
      counts: new Array<number>(COUNTER_COLUMNS.length).fill(0),
      total: 0,
      ratingSumMilli: 0,
      firstEventId: event.event_id,
      lastEventId: event.event_id,
    };
    profiles.set(event.user_id, delta);
  }
  return delta;
}

function historyOf(
  histories: Map<string, Map<number, HistoryDelta>>,
  event: UserActionRecord,
): HistoryDelta {
  let movies = histories.get(event.user_id);
  if (movies === undefined) histories.set(event.user_id, (movies = new Map()));
  const movieId = event.movie_id as number;
  let delta = movies.get(movieId);
  if (delta === undefined) {
    delta = {
      userId: event.user_id,
      movieId,
      lastEventId: event.event_id,
      clicks: 0,
      views: 0,
      plays: 0,
      completes: 0,
      shares: 0,
      watchedMilli: 0,
      rating: null,
      opinion: null,
      list: null,
    };
    movies.set(movieId, delta);
  }
  return delta;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
