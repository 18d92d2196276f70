import { inOrder } from './history.ts';
import type { HistoryRow } from './history.ts';

/** Something that somebody did who isn't signed in. */
export interface SessionAct {
  readonly movieId: number;
  readonly action: string;
  readonly value: number | null;
  /** Epoch ms. */
  readonly at: number;
}

/** A share watched from which on a movie counts as seen. */
const SEEN_SHARE = 0.5;

/**
 * A history of a session's acts, weighed as user_history weighs them: of each movie the strongest act of
 * each kind counts, and a low rating or a dislike that nothing came after says nothing for it.
 */
export function sessionHistory(acts: readonly SessionAct[]): HistoryRow[] {
  const byMovie = new Map<number, SessionAct[]>();
  for (const act of acts.toSorted((a, b) => a.at - b.at)) {
    const known = byMovie.get(act.movieId);
    if (known === undefined) byMovie.set(act.movieId, [act]);
    else known.push(act);
  }
  return inOrder([...byMovie].map(([movieId, ofMovie]) => rowOf(movieId, ofMovie)));
}

function rowOf(movieId: number, acts: readonly SessionAct[]): HistoryRow {
  const times = (action: string): number => acts.filter((act) => act.action === action).length;
  const last = (...actions: string[]): SessionAct | undefined =>
    acts.findLast((act) => actions.includes(act.action));
  const rating = last('rate')?.value ?? null;
  const opinion = last('like', 'dislike')?.action;
  const completed = times('complete') > 0;
  const watched = Math.max(
    completed ? 1 : 0,
    ...acts.map((act) =>
      act.action === 'progress' || act.action === 'play' ? (act.value ?? 0) : 0,
    ),
  );
  const against = opinion === 'dislike' || (rating !== null && rating <= 2);
  const weight =
    (rating === null ? 0 : 2 * (rating - 2)) +
    0.5 * Math.min(times('play'), 3) +
    2 * watched +
    (completed ? 1 : 0) +
    (opinion === 'like' ? 3 : 0) +
    (last('list_add', 'list_remove')?.action === 'list_add' ? 1 : 0) +
    (times('share') > 0 ? 1 : 0) +
    0.2 * Math.min(Math.min(times('click'), 3) + Math.min(times('view'), 3), 3);
  return {
    movieId,
    weight: against ? 0 : weight,
    lastAt: acts.at(-1)?.at ?? 0,
    seen: completed || watched >= SEEN_SHARE || rating !== null || opinion !== undefined,
  };
}
