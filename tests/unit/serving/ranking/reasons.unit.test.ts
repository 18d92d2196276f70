import { expect, it } from 'vitest';
import { LIVE_DEFAULTS } from '../../../../serving/ranking/live-scores.ts';
import { createReasoner } from '../../../../serving/ranking/reasons.ts';
import { modelOf } from './models.ts';

const model = modelOf({
  movies: 6,
  neighbours: [
    { movieId: 10, otherId: 30, weight: 1 },
    { movieId: 20, otherId: 30, weight: 0.5 },
    { movieId: 20, otherId: 50, weight: -1 },
  ],
  next: [{ movieId: 20, otherId: 40, weight: 1 }],
});
const reasonsOf = createReasoner(model, LIVE_DEFAULTS);
const row = (movieId: number, weight: number, lastAt: number) => ({
  ...{ movieId, weight, lastAt, seen: true },
});
const history = [row(10, 6, 0), row(20, 6, 1)];
/** As the scorer gives them: what comes next fades. */
const scales = { item: 1, next: 0.5 };
const faded = { item: 1, next: 0 };
const listed = new Set([2, 3, 4, 5]);

it('names the action that speaks for a movie most, as the score counts it', () => {
  // While the visit lasts the newest action counts for more; a day later the stronger weight does.
  const soon = reasonsOf(history, 1, scales, listed);
  const later = reasonsOf(history, 86_400_000, faded, listed);
  expect(later.get(2)).toEqual({ kind: 'because_you', movieId: 10 });
  expect(soon.get(3)).toEqual({ kind: 'often_after', movieId: 20 });
});

it('has no reason where nothing speaks for a movie, or something speaks against it', () => {
  const reasons = reasonsOf(history, 1, scales, listed);
  expect([reasons.has(4), reasons.has(5)]).toEqual([false, false]);
});

it('says nothing of movies that are not listed', () => {
  const reasons = reasonsOf(history, 1, scales, new Set([3]));
  expect([...reasons.keys()]).toEqual([3]);
});
