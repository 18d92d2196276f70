import { HOUR_MS } from '../../common/time.ts';
import type { Shown } from './steps.ts';

/** A list that was served lately, and what the app and the user said to it. */
export interface ShownServe {
  /** Epoch ms. */
  readonly servedAt: number;
  /** In the order of positions. */
  readonly movieIds: readonly number[];
  /** Movies that the app reported as shown. */
  readonly reported: readonly number[];
  /** Movies that the user did something with. */
  readonly answered: readonly number[];
}

export const SHOWN_WINDOW_MS = 48 * HOUR_MS;
const HALF_LIFE_MS = 24 * HOUR_MS;
/** Nobody said what was seen of a list: then each of its movies counts so much. */
const UNREPORTED = 0.5;

/**
 * How often each movie was shown without a response, each time counting half after a day. Shown is what the
 * app reports; where it reports nothing, what stands above the lowest movie that was answered; where nothing
 * was answered either, the whole list at half weight. A movie that was ever answered isn't in it.
 */
export function shownTimes(serves: readonly ShownServe[], now: number): Shown {
  const times = new Map<number, number>();
  for (const serve of serves) {
    const age = now - serve.servedAt;
    if (age > SHOWN_WINDOW_MS) continue;
    const { movieIds, weight } = seenOf(serve);
    const decayed = weight * 0.5 ** (Math.max(0, age) / HALF_LIFE_MS);
    for (const movieId of movieIds) times.set(movieId, (times.get(movieId) ?? 0) + decayed);
  }
  for (const { answered } of serves) for (const movieId of answered) times.delete(movieId);
  return times;
}

function seenOf({ movieIds, reported, answered }: ShownServe): {
  readonly movieIds: readonly number[];
  readonly weight: number;
} {
  if (reported.length > 0) return { movieIds: reported, weight: 1 };
  const lowest = movieIds.findLastIndex((movieId) => answered.includes(movieId));
  if (lowest >= 0) return { movieIds: movieIds.slice(0, lowest + 1), weight: 1 };
  return { movieIds, weight: UNREPORTED };
}
