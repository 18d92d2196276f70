import { HOUR_MS } from '../../../common/time.ts';
import type { Rating } from './ratings.ts';

/** Where a list is asked for: at the protocol's cut, within a visit, or back after an hour. */
export type Kind = 'live' | 'visit' | 'pause';

/** A list that somebody asks for at one moment of their past, and what they liked afterwards. */
export interface Question {
  readonly kind: Kind;
  /** Who asks: the same person at another place is another user of the system. */
  readonly userId: string;
  /** Of the data. */
  readonly person: string;
  /** All that the system knows of the user, in the order of time. */
  readonly history: readonly Rating[];
  /** Epoch ms: when the user did the next thing. */
  readonly at: number;
  readonly relevant: ReadonlySet<number>;
}

const LIKED = 4;
/** Shares of a person's ratings: what the model learns from, and where the judged ones begin. */
export const MODEL_SHARE: Readonly<Record<Kind, number>> = { live: 0.5, visit: 0.4, pause: 0.4 };
const FRESH_SHARE = 0.8;
const AHEAD = 20;

/** Where a share of so many ratings ends; a half goes to the even number, as in split.py. */
export function cutAt(count: number, share: number): number {
  const exact = count * share;
  const rounded = Math.round(exact);
  return Math.abs(exact % 1) === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded;
}

/** What a person asks: at the cut, judged by all that follows; and at the middle place of each kind. */
export function questionsOf(person: string, ratings: readonly Rating[]): Question[] {
  const end = cutAt(ratings.length, FRESH_SHARE);
  const places: Record<'visit' | 'pause', Question[]> = { visit: [], pause: [] };
  const asked = (kind: Kind, place: number, judgedEnd: number): Question | null => {
    const relevant = new Set(
      ratings
        .slice(place, judgedEnd)
        .filter(({ rating }) => rating >= LIKED)
        .map(({ movieId }) => movieId),
    );
    const next = ratings[place];
    if (next === undefined || relevant.size === 0 || place === 0) return null;
    const userId = `${kind}-${person}`;
    return { kind, userId, person, history: ratings.slice(0, place), at: next.at, relevant };
  };
  for (let place = cutAt(ratings.length, MODEL_SHARE.visit); place < end; place++) {
    const gap = (ratings[place]?.at ?? 0) - (ratings[place - 1]?.at ?? 0);
    const kind = gap < HOUR_MS ? 'visit' : 'pause';
    const question = asked(kind, place, Math.min(end, place + AHEAD));
    if (question !== null) places[kind].push(question);
  }
  const middle = (all: readonly Question[]): Question | null =>
    all[Math.floor(all.length / 2)] ?? null;
  return [asked('live', end, ratings.length), middle(places.visit), middle(places.pause)].filter(
    (question) => question !== null,
  );
}

/** The history with all its times moved alike, so that the question falls on `now`. */
export function shifted({ history, at }: Question, now: number): readonly Rating[] {
  return history.map((rating) => ({ ...rating, at: rating.at + now - at }));
}
