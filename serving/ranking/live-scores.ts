import { HOUR_MS } from '../../common/time.ts';
import { Accumulator } from './accumulator.ts';
import type { HistoryRow } from './history.ts';
import type { Blend, ItemModel, SparseRows } from './item-model.ts';

/** How much the order of the last actions counts, and how it fades. Times in ms. */
export interface LiveSettings {
  /** The newest action weighs (1 + boost) times as much as an old one, at the moment it happens. */
  readonly boost: number;
  /** After so many later actions the boost is half. */
  readonly boostHalfLife: number;
  /** The boost and what comes next fade by e in this time after the last action. */
  readonly fadeMs: number;
  /** Share of what comes next, in standard deviations of each. */
  readonly nextShare: number;
  /** So many of the last actions are asked what comes next. */
  readonly nextActions: number;
  readonly nextHalfLife: number;
}

/** Chosen on validation cuts of two sets; MovieLens and another, validation only. */
export const LIVE_DEFAULTS: LiveSettings = Object.freeze({
  boost: 5.67,
  boostHalfLife: 5,
  fadeMs: HOUR_MS,
  nextShare: 0.5,
  nextActions: 10,
  nextHalfLife: 12,
});

/** The weight of which an action counts as a whole one for what comes next: a rating of 4 stars. */
export const WHOLE_WEIGHT = 4;

/** A model's scores of one user. One at a time: the next call takes the sums over. */
export interface Scores {
  /** Places for or against which the user's history speaks. */
  touched(): Uint32Array;
  has(place: number): boolean;
  /** Of a place that isn't touched it grows with the movie's popularity, or is 0. */
  get(place: number): number;
}

export interface LiveScores extends Scores {
  /** False when the sums are another user's by now: then nothing of it means anything. */
  isCurrent(): boolean;
  /** What the parts of the score are measured in; see reasons.ts. */
  readonly scales: Scales;
}

/** Factors of the item-item sums and of those of what comes next. */
export interface Scales {
  readonly item: number;
  readonly next: number;
}

export interface LiveScorer {
  /** `history` in the order of time. `now` in epoch ms. */
  score(history: readonly HistoryRow[], now: number): LiveScores;
}

/**
 * The item-item model on a fresh history, its newest actions boosted, and a share of what comes next;
 * both fade with the time since the last action, so that who comes back later gets an unordered list.
 *
 *     w_k' = w_k (1 + boost f 0.5^(p_k / boostHalfLife))
 *     s    = sum_k w_k' B_k / sd + nextShare f (sum_k 0.5^(p_k / nextHalfLife) (w_k / 4) N_k) / sd
 *
 * with p_k the number of later actions and f = exp(-(now - last) / fadeMs). B: EASE cut to each movie's
 * neighbours (Steck 2019); N: decayed counts of what follows what.
 *
 * Where the run blends, the item-item sums are measured in their deviation over all users instead of the
 * user's, so that a thin history says little, their weights brought back to the sum that they have unboosted;
 * and popularity has its share: sum w_k' B_k (sum w / sum w') / sd_all + share n / sd(n) + what comes next.
 */
export function createLiveScorer(model: ItemModel, settings: LiveSettings): LiveScorer {
  const places = model.movieIds.length;
  const item = new Accumulator(places);
  const next = new Accumulator(places);
  const total = new Accumulator(places);
  let turn = 0;

  return {
    score(history, now) {
      const own = ++turn;
      item.clear();
      next.clear();
      total.clear();
      const fade = fadeAt(settings, history.at(-1)?.lastAt ?? 0, now);
      const count = history.length;
      let plain = 0;
      let raised = 0;
      history.forEach(({ movieId, weight }, k) => {
        const place = model.placeOf.get(movieId);
        if (place === undefined || weight <= 0) return;
        const later = count - 1 - k;
        const boosted = 1 + settings.boost * fade * 0.5 ** (later / settings.boostHalfLife);
        plain += weight;
        raised += weight * boosted;
        addRow(item, model.neighbours, place, weight * boosted);
        if (later >= settings.nextActions) return;
        const newness = 0.5 ** (later / settings.nextHalfLife);
        addRow(next, model.next, place, (newness * weight) / WHOLE_WEIGHT);
      });
      const unboosted = raised === 0 ? 1 : plain / raised;
      const scales = {
        item: itemScale(model.blend, item, unboosted),
        next: nextScale(model.blend, next, settings.nextShare * fade),
      };
      addScaled(total, item, scales.item);
      addScaled(total, next, scales.next);
      return { ...withPopularity(model, total), scales, isCurrent: () => own === turn };
    },
  };
}

function itemScale(blend: Blend, sums: Accumulator, unboosted: number): number {
  switch (blend.kind) {
    case 'popularity':
      return 0;
    case 'blend':
      return unboosted / blend.itemDeviation;
    case 'item_item':
      return inverse(sums.deviation());
  }
}

function nextScale({ kind }: Blend, sums: Accumulator, share: number): number {
  return kind === 'popularity' ? 0 : share * inverse(sums.deviation());
}

function inverse(deviation: number): number {
  return deviation === 0 ? 0 : 1 / deviation;
}

function withPopularity({ blend, popularity }: ItemModel, total: Accumulator): Scores {
  const share = popularityShare(blend);
  return {
    touched: () => total.touched(),
    has: (place) => total.has(place),
    get: (place) => total.get(place) + share * (popularity[place] as number),
  };
}

function popularityShare(blend: Blend): number {
  switch (blend.kind) {
    case 'item_item':
      return 0;
    case 'blend':
      return blend.popularityShare / blend.popularityDeviation;
    case 'popularity':
      return 1;
  }
}

/** 1 at the last action, falling by e in `fadeMs`; never above 1, whatever clocks say. */
export function fadeAt({ fadeMs }: LiveSettings, lastAt: number, now: number): number {
  return Math.exp(-Math.max(0, now - lastAt) / fadeMs);
}

function addRow(to: Accumulator, rows: SparseRows, row: number, factor: number): void {
  const end = rows.starts[row + 1] as number;
  for (let i = rows.starts[row] as number; i < end; i++)
    to.add(rows.places[i] as number, factor * (rows.weights[i] as number));
}

function addScaled(to: Accumulator, from: Accumulator, factor: number): void {
  if (factor === 0) return;
  for (const place of from.touched()) to.add(place, factor * from.get(place));
}
