import type { UserActionRecord } from '../../schemas/generated/types.ts';

/** Adds to one movie's day. Sums alone: neither the order of events nor the cut of batches matters. */
export interface PlaysDelta {
  readonly movie_id: number;
  /** UTC, YYYY-MM-DD. */
  readonly day: string;
  plays: number;
  completes: number;
}

export function isPlay({ action }: UserActionRecord): boolean {
  return action === 'play' || action === 'complete';
}

/** One delta a movie and day, in no order: the store's statement orders them. */
export function planPlays(events: readonly UserActionRecord[]): PlaysDelta[] {
  const deltas = new Map<string, PlaysDelta>();
  for (const event of events) {
    const movie = event.movie_id as number; // only a search may have none
    const day = new Date(event.occurred_at).toISOString().slice(0, 10);
    const key = `${day}/${movie}`;
    let delta = deltas.get(key);
    if (delta === undefined)
      deltas.set(key, (delta = { movie_id: movie, day, plays: 0, completes: 0 }));
    if (event.action === 'play') delta.plays++;
    else delta.completes++;
  }
  return [...deltas.values()];
}
