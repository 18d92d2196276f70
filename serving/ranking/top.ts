import type { ItemModel } from './item-model.ts';
import type { LiveScores } from './live-scores.ts';

/** A movie in a list, not yet arranged. */
export interface Candidate {
  readonly place: number;
  /** In standard deviations; 0 where it is there by its popularity alone. */
  readonly score: number;
}

/**
 * The best `length` movies that are eligible: by score, then by popularity, then by place. Movies that
 * nothing speaks for stand behind those that something does, and before those that something speaks
 * against; so a list is full as long as there are movies. Each place is asked about once at most.
 */
export function topCandidates(
  model: Pick<ItemModel, 'popularity' | 'byPopularity'>,
  scores: LiveScores,
  length: number,
  eligible: (place: number) => boolean,
): Candidate[] {
  const before = (a: Candidate, b: Candidate): number =>
    b.score - a.score ||
    (model.popularity[b.place] as number) - (model.popularity[a.place] as number) ||
    a.place - b.place;
  const best = bestOf(scores, length, (score) => score > 0, eligible, before);
  if (best.length === length) return best;
  for (const place of model.byPopularity) {
    if (best.length === length) return best;
    if (scores.get(place) === 0 && eligible(place)) best.push({ place, score: 0 });
  }
  const left = length - best.length;
  return best.concat(bestOf(scores, left, (score) => score < 0, eligible, before));
}

/** A bounded binary heap, the worst kept one on top: most of what is looked at is worse than that. */
function bestOf(
  scores: LiveScores,
  length: number,
  wanted: (score: number) => boolean,
  eligible: (place: number) => boolean,
  before: (a: Candidate, b: Candidate) => number,
): Candidate[] {
  const heap: Candidate[] = [];
  if (length === 0) return heap;
  for (const place of scores.touched()) {
    const score = scores.get(place);
    if (!wanted(score)) continue;
    const worst = heap[0];
    if (heap.length === length && worst !== undefined && score < worst.score) continue;
    if (!eligible(place)) continue;
    const candidate = { place, score };
    if (heap.length < length) {
      heap.push(candidate);
      siftUp(heap, before);
    } else if (worst !== undefined && before(candidate, worst) < 0) {
      heap[0] = candidate;
      siftDown(heap, before);
    }
  }
  return heap.sort(before);
}

function siftUp(heap: Candidate[], before: (a: Candidate, b: Candidate) => number): void {
  let i = heap.length - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (before(heap[i] as Candidate, heap[parent] as Candidate) <= 0) return;
    swap(heap, i, parent);
    i = parent;
  }
}

function siftDown(heap: Candidate[], before: (a: Candidate, b: Candidate) => number): void {
  let i = 0;
  for (;;) {
    let worst = i;
    for (const child of [2 * i + 1, 2 * i + 2])
      if (child < heap.length && before(heap[child] as Candidate, heap[worst] as Candidate) > 0)
        worst = child;
    if (worst === i) return;
    swap(heap, i, worst);
    i = worst;
  }
}

function swap(heap: Candidate[], i: number, j: number): void {
  const kept = heap[i] as Candidate;
  heap[i] = heap[j] as Candidate;
  heap[j] = kept;
}
