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

/** All of them. Stored lists name them by their place: more may be added at the end. */
export const REASON_KINDS: readonly Reason['kind'][] = [
  'because_you',
  'often_after',
  'fits_taste',
  'ranked_for_you',
  'popular',
  'pinned',
  'exploration',
];

/** Of each listed movie the action that speaks for it most. One user at a time. */
export type Reasoner = (
  history: readonly HistoryRow[],
  now: number,
  scales: Scales,
  /** Places. */
  listed: ReadonlySet<number>,
) => ReadonlyMap<number, Reason>;

/**
 * By the terms of the live score (see live-scores.ts), item-item and what comes next in the scales that it
 * gives. Movies that no action speaks for are left out. One pass over the rows of the history, in which
 * most entries are of movies that aren't listed: whether one is, an array by place says.
 */
export function createReasoner(model: ItemModel, settings: LiveSettings): Reasoner {
  const { neighbours, next, placeOf } = model;
  /** The listed place's number from 1; all 0 between two calls. */
  const numberOf = new Uint32Array(model.movieIds.length);

  return (history, now, scales, listed) => {
    const fade = fadeAt(settings, history.at(-1)?.lastAt ?? 0, now);
    const because = createStrongest(listed.size);
    const after = createStrongest(listed.size);
    const places = [...listed];
    places.forEach((place, i) => {
      numberOf[place] = i + 1;
    });
    history.forEach(({ movieId, weight }, k) => {
      const row = placeOf.get(movieId);
      if (row === undefined || weight <= 0) return;
      const later = history.length - 1 - k;
      const boosted = 1 + settings.boost * fade * 0.5 ** (later / settings.boostHalfLife);
      note(because, neighbours, row, numberOf, movieId, weight * boosted * scales.item);
      if (later >= settings.nextActions) return;
      const newness = 0.5 ** (later / settings.nextHalfLife);
      const share = (newness * weight * scales.next) / WHOLE_WEIGHT;
      note(after, next, row, numberOf, movieId, share);
    });
    for (const place of places) numberOf[place] = 0;
    return reasonsOf(places, because, after);
  };
}

function reasonsOf(
  places: readonly number[],
  because: Strongest,
  after: Strongest,
): ReadonlyMap<number, Reason> {
  const reasons = new Map<number, Reason>();
  places.forEach((place, i) => {
    const first = because.shares[i] as number;
    const second = after.shares[i] as number;
    if (first === 0 && second === 0) return;
    reasons.set(
      place,
      second > first
        ? { kind: 'often_after', movieId: after.movieIds[i] as number }
        : { kind: 'because_you', movieId: because.movieIds[i] as number },
    );
  });
  return reasons;
}

/** By the number of a listed place, from 0. A share of 0: nothing speaks for it. */
interface Strongest {
  readonly movieIds: Float64Array;
  readonly shares: Float64Array;
}

function createStrongest(count: number): Strongest {
  return { movieIds: new Float64Array(count), shares: new Float64Array(count) };
}

function note(
  { movieIds, shares }: Strongest,
  rows: SparseRows,
  row: number,
  numberOf: Uint32Array,
  movieId: number,
  factor: number,
): void {
  const end = rows.starts[row + 1] as number;
  for (let i = rows.starts[row] as number; i < end; i++) {
    const number = numberOf[rows.places[i] as number] as number;
    if (number === 0) continue;
    const share = factor * (rows.weights[i] as number);
    if (share <= (shares[number - 1] as number)) continue;
    shares[number - 1] = share;
    movieIds[number - 1] = movieId;
  }
}
