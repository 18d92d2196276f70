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
  const before = (a: Candidate, b: Candidate): number =>
    b.score - a.score ||
    (model.popularity[b.place] as number) - (model.popularity[a.place] as number) ||
    a.place - b.place;
  /** A bounded binary heap, the worst kept one on top: most of what is looked at is worse than that. */
  const heap: Candidate[] = [];
  if (length === 0) return heap;
  for (const place of scores.touched()) {
    const candidate = { place, score: scores.get(place) };
    if (isKept(heap, length, candidate, before) && eligible(place))
      keep(heap, length, candidate, before);
  }
  for (const place of model.byPopularity) {
    if (scores.has(place)) continue;
    const candidate = { place, score: scores.get(place) };
    // Whatever follows is less popular, and so no better.
    if (!isKept(heap, length, candidate, before)) break;
    if (eligible(place)) keep(heap, length, candidate, before);
  }
  return heap.sort(before);
}

type Before = (a: Candidate, b: Candidate) => number;

function isKept(
  heap: readonly Candidate[],
  length: number,
  candidate: Candidate,
  before: Before,
): boolean {
  return heap.length < length || before(candidate, heap[0] as Candidate) < 0;
}

function keep(heap: Candidate[], length: number, candidate: Candidate, before: Before): void {
  if (heap.length < length) {
    heap.push(candidate);
    siftUp(heap, before);
  } else {
    heap[0] = candidate;
    siftDown(heap, before);
  }
}

function siftUp(heap: Candidate[], before: Before): void {
  let i = heap.length - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (before(heap[i] as Candidate, heap[parent] as Candidate) <= 0) return;
    swap(heap, i, parent);
    i = parent;
  }
}

function siftDown(heap: Candidate[], before: Before): void {
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
