import type { Action } from '../../schemas/user-action.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';

/**
 * A batch's addition to a user's profile. Everything is a sum, a maximum, or "the one with the
 * greatest event id", so the result does not depend on the order of events or on where batches
 * are cut, and two processes may add to one user. Sums of integers (thousandths) are exact.
 */
export interface ProfileDelta {
  readonly userId: string;
  /** By action, in the order of COUNTED. */
  readonly counts: number[];
  total: number;
  ratingSumMilli: number;
  /** Additions to their history, by movie. */
  readonly movies: Map<number, HistoryDelta>;
  first: UserActionRecord;
  last: UserActionRecord;
}

/** A batch's addition to what a user did to a movie. Of two values the later event's wins. */
export interface HistoryDelta {
  readonly userId: string;
  readonly movieId: number;
  last: UserActionRecord;
  clicks: number;
  views: number;
  plays: number;
  completes: number;
  shares: number;
  /** Largest share seen, in thousandths. */
  watchedMilli: number;
  rating: UserActionRecord | null;
  /** The latest like or dislike. */
  opinion: UserActionRecord | null;
  /** The latest adding to or removing from the list. */
  list: UserActionRecord | null;
}

/** One delta a user, and one a user and movie, in no order: the store's statements order them. */
export interface ProfilePlan {
  readonly profiles: readonly ProfileDelta[];
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
function entersHistory(event: UserActionRecord): boolean {
  return event.action !== 'impression' && event.action !== 'search' && event.movie_id !== null;
}

export function milli(value: number): number {
  return Math.round(value * 1000);
}

/** Events order by their ids: by time, then by the random part, looked at for ties alone. */
export function isLater(a: UserActionRecord, b: UserActionRecord): boolean {
  if (a.occurred_at !== b.occurred_at) return a.occurred_at > b.occurred_at;
  return a.event_id.compare(b.event_id) > 0;
}

export function planProfiles(events: readonly UserActionRecord[]): ProfilePlan {
  const profiles = new Map<string, ProfileDelta>();
  const histories: HistoryDelta[] = [];
  for (const event of events) {
    const user = event.user_id;
    let profile = profiles.get(user);
    if (profile === undefined) profiles.set(user, (profile = createProfile(event)));
    evolveProfile(profile, event);
    if (!entersHistory(event)) continue;
    const movie = event.movie_id as number;
    let history = profile.movies.get(movie);
    if (history === undefined) {
      history = createHistory(event);
      profile.movies.set(movie, history);
      histories.push(history);
    }
    evolveHistory(history, event);
  }
  return { profiles: [...profiles.values()], histories };
}

export function evolveProfile(delta: ProfileDelta, event: UserActionRecord): void {
  const index = COUNTER_INDEX.get(event.action);
  if (index === undefined) throw new Error(`no counter for the action ${event.action}`);
  delta.counts[index] = (delta.counts[index] ?? 0) + 1;
  delta.total++;
  if (event.action === 'rate') delta.ratingSumMilli += milli(event.value ?? 0);
  if (isLater(delta.first, event)) delta.first = event;
  if (isLater(event, delta.last)) delta.last = event;
}

export function evolveHistory(delta: HistoryDelta, event: UserActionRecord): void {
  const latest = (before: UserActionRecord | null) =>
    before === null || isLater(event, before) ? event : before;
  if (isLater(event, delta.last)) delta.last = event;
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
      delta.rating = latest(delta.rating);
      break;
    case 'like':
    case 'dislike':
      delta.opinion = latest(delta.opinion);
      break;
    case 'list_add':
    case 'list_remove':
      delta.list = latest(delta.list);
      break;
    case 'impression':
    case 'search':
      break;
  }
}

const NO_COUNTS = COUNTER_COLUMNS.map(() => 0);

function createProfile(event: UserActionRecord): ProfileDelta {
  return {
    userId: event.user_id,
    counts: NO_COUNTS.slice(),
    total: 0,
    ratingSumMilli: 0,
    movies: new Map(),
    first: event,
    last: event,
  };
}

function createHistory(event: UserActionRecord): HistoryDelta {
  return {
    userId: event.user_id,
    movieId: event.movie_id as number,
    last: event,
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
}
