import type { HistoryRow } from './history.ts';
import type { ItemModel, SparseRows } from './item-model.ts';
import { fadeAt, WHOLE_WEIGHT } from './live-scores.ts';
import type { LiveSettings, Scales } from './live-scores.ts';

/** Why a movie is in a list, to be said to the user and to who asks. */
export type Reason =
  /** What the user did with that movie speaks for this one most. */
  | { readonly kind: 'because_you'; readonly movieId: number }
  /** It is often watched after that movie, one of the user's last. */
  | { readonly kind: 'often_after'; readonly movieId: number }
  /** It is like what the user likes, by genres, tags and year alone: hardly anybody knows it yet. */
  | { readonly kind: 'fits_taste' }
  /** The nightly run ranks it high for the user, by what it knew of them then. */
  | { readonly kind: 'ranked_for_you' }
  | { readonly kind: 'popular' }
  | { readonly kind: 'pinned' }
  | { readonly kind: 'exploration' };

interface Strongest {
  movieId: number;
  share: number;
}

/**
 * Of each listed movie the action that speaks for it most, by the terms of the live score (see
 * live-scores.ts), item-item and what comes next in the scales that it gives. Movies that no action
 * speaks for are left out. One pass over the rows of the history.
 */
export function strongestReasons(
  model: ItemModel,
  settings: LiveSettings,
  history: readonly HistoryRow[],
  now: number,
  scales: Scales,
  listed: ReadonlySet<number>,
): ReadonlyMap<number, Reason> {
  const fade = fadeAt(settings, history.at(-1)?.lastAt ?? 0, now);
  const because = new Map<number, Strongest>();
  const after = new Map<number, Strongest>();
  history.forEach(({ movieId, weight }, k) => {
    const row = model.placeOf.get(movieId);
    if (row === undefined || weight <= 0) return;
    const later = history.length - 1 - k;
    const boosted = 1 + settings.boost * fade * 0.5 ** (later / settings.boostHalfLife);
    note(because, model.neighbours, row, listed, movieId, weight * boosted * scales.item);
    if (later >= settings.nextActions) return;
    const newness = 0.5 ** (later / settings.nextHalfLife);
    const share = (newness * weight * scales.next) / WHOLE_WEIGHT;
    note(after, model.next, row, listed, movieId, share);
  });
  const reasons = new Map<number, Reason>();
  for (const place of listed) {
    const first = because.get(place);
    const second = after.get(place);
    if (first === undefined && second === undefined) continue;
    reasons.set(
      place,
      (second?.share ?? 0) > (first?.share ?? 0)
        ? { kind: 'often_after', movieId: second?.movieId ?? 0 }
        : { kind: 'because_you', movieId: first?.movieId ?? 0 },
    );
  }
  return reasons;
}

function note(
  strongest: Map<number, Strongest>,
  rows: SparseRows,
  row: number,
  listed: ReadonlySet<number>,
  movieId: number,
  factor: number,
): void {
  const end = rows.starts[row + 1] as number;
  for (let i = rows.starts[row] as number; i < end; i++) {
    const place = rows.places[i] as number;
    if (!listed.has(place)) continue;
    const share = factor * (rows.weights[i] as number);
    const known = strongest.get(place);
    if (known === undefined) {
      if (share > 0) strongest.set(place, { movieId, share });
    } else if (share > known.share) {
      known.movieId = movieId;
      known.share = share;
    }
  }
}
