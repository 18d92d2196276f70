import { describe, expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../../../common/time.ts';
import { cutAt, questionsOf, shifted } from '../../../eval/realtime/questions.ts';
import type { Question } from '../../../eval/realtime/questions.ts';
import type { Rating } from '../../../eval/realtime/ratings.ts';

const BEGIN = Date.UTC(2001, 0, 1);

/** Movies 1, 2, ... a minute apart, but for hours before some; all are liked but some. */
function ratings(count: number, pausesBefore: readonly number[], disliked: readonly number[] = []) {
  let at = BEGIN;
  return Array.from({ length: count }, (_, i): Rating => {
    at += pausesBefore.includes(i) ? 2 * HOUR_MS : MINUTE_MS;
    return { movieId: i + 1, rating: disliked.includes(i) ? 2 : 4, at };
  });
}

const one = (questions: readonly Question[], kind: Question['kind']): Question | undefined =>
  questions.find((question) => question.kind === kind);

describe('cutAt', () => {
  test('rounds as split.py does: a half to the even number', () => {
    expect([21, 23, 25].map((count) => cutAt(count, 0.5))).toEqual([10, 12, 12]);
    expect([20, 21, 22].map((count) => cutAt(count, 0.8))).toEqual([16, 17, 18]);
  });
});

describe('questionsOf', () => {
  test('asks at the cut with the first 80 %, judged by what was liked of the rest', () => {
    const live = one(questionsOf('7', ratings(20, [], [18])), 'live');
    expect(live).toMatchObject({ userId: 'live-7', person: '7' });
    expect(live?.history.map(({ movieId }) => movieId)).toEqual(
      Array.from({ length: 16 }, (_, i) => i + 1),
    );
    expect([...(live?.relevant ?? [])]).toEqual([17, 18, 20]);
    expect(live?.at).toBe(BEGIN + 17 * MINUTE_MS);
  });

  test('asks at the middle place of each kind, between 40 % and 80 %, judged within them', () => {
    const all = questionsOf('7', ratings(20, [10, 12, 14, 17]));
    // Within a visit: 8, 9, 11, 13, 15; after an hour: 10, 12, 14.
    expect(one(all, 'visit')?.history).toHaveLength(11);
    expect(one(all, 'pause')?.history).toHaveLength(12);
    expect([...(one(all, 'pause')?.relevant ?? [])]).toEqual([13, 14, 15, 16]);
  });

  test('looks no further than 20 actions ahead', () => {
    const all = questionsOf('7', ratings(100, [40]));
    expect([...(one(all, 'pause')?.relevant ?? [])]).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 41),
    );
  });

  test('asks nothing where nothing was liked afterwards', () => {
    const disliked = Array.from({ length: 20 }, (_, i) => i);
    expect(questionsOf('7', ratings(20, [10], disliked))).toEqual([]);
  });
});

test('shifted moves all times alike, so that the question falls on now', () => {
  const live = one(questionsOf('7', ratings(20, [10])), 'live') as Question;
  const now = Date.UTC(2026, 10, 27);
  const moved = shifted(live, now);
  expect(now - (moved.at(-1)?.at ?? 0)).toBe(MINUTE_MS);
  expect(moved.map(({ at }, i) => at - (live.history[i]?.at ?? 0))).toEqual(
    live.history.map(() => now - live.at),
  );
});
