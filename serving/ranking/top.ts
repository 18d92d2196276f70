import type { ItemModel } from './item-model.ts';
import type { Scores } from './live-scores.ts';

/** A movie in a list, not yet arranged. */
export interface Candidate {
  readonly place: number;
  /** 0 where nothing speaks for it. */
  readonly score: number;
}

/**
 * The best `length` movies that are eligible: by score, then by popularity, then by place. A list is
 * full as long as there are movies: those that nothing speaks for stand in it by their popularity. Each
 * place is asked about once at most.
 */
export function topCandidates(
  model: Pick<ItemModel, 'popularity' | 'byPopularity'>,
  scores: Scores,
  length: number,
  eligible: (place: number) => boolean,
): Candidate[] {
  if (length === 0) return [];
  const best = createBest(model.popularity, length);
  const touched = scores.touched();
  let worst = -Infinity;
  for (let i = 0; i < touched.length; i++) {
    const place = touched[i] as number;
    const score = scores.get(place);
    if (score < worst || !best.takes(place, score) || !eligible(place)) continue;
    worst = best.add(place, score);
  }
  for (const place of model.byPopularity) {
    if (scores.has(place)) continue;
    const score = scores.get(place);
    // Whatever follows is less popular, and so no better.
    if (!best.takes(place, score)) break;
    if (eligible(place)) best.add(place, score);
  }
  return best.inOrder();
}

/**
 * A bounded binary heap, the worst kept one on top: most of what is looked at is worse than that, and is
 * passed over by one comparison.
 */
function createBest(popularity: Float32Array, length: number) {
  const places = new Uint32Array(length);
  const scores = new Float64Array(length);
  let count = 0;

  function isBefore(placeA: number, scoreA: number, placeB: number, scoreB: number): boolean {
    if (scoreA !== scoreB) return scoreA > scoreB;
    const byPopularity = (popularity[placeA] as number) - (popularity[placeB] as number);
    return byPopularity === 0 ? placeA < placeB : byPopularity > 0;
  }

  /** Whether the one at index a is worse than the one at b. */
  function isWorse(a: number, b: number): boolean {
    return isBefore(
      places[b] as number,
      scores[b] as number,
      places[a] as number,
      scores[a] as number,
    );
  }

  function swap(a: number, b: number): void {
    const place = places[a] as number;
    const score = scores[a] as number;
    places[a] = places[b] as number;
    scores[a] = scores[b] as number;
    places[b] = place;
    scores[b] = score;
  }

  function siftUp(from: number): void {
    for (let i = from; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!isWorse(i, parent)) return;
      swap(i, parent);
      i = parent;
    }
  }

  function siftDown(): void {
    for (let i = 0; ;) {
      let worst = i;
      const left = 2 * i + 1;
      if (left < count && isWorse(left, worst)) worst = left;
      if (left + 1 < count && isWorse(left + 1, worst)) worst = left + 1;
      if (worst === i) return;
      swap(i, worst);
      i = worst;
    }
  }

  return {
    takes: (place: number, score: number): boolean =>
      count < length || isBefore(place, score, places[0] as number, scores[0] as number),
    /** Returns the score below which nothing is taken any more. */
    add(place: number, score: number): number {
      const at = count < length ? count : 0;
      places[at] = place;
      scores[at] = score;
      if (count < length) {
        count++;
        siftUp(at);
      } else siftDown();
      return count < length ? -Infinity : (scores[0] as number);
    },
    inOrder(): Candidate[] {
      const kept = Array.from({ length: count }, (_, i) => ({
        place: places[i] as number,
        score: scores[i] as number,
      }));
      return kept.sort((a, b) => (isBefore(a.place, a.score, b.place, b.score) ? -1 : 1));
    },
  };
}
