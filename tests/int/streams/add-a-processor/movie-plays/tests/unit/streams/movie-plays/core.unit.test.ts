import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DAY_MS } from '../../../../common/time.ts';
import { isPlay, planPlays } from '../../../../streams/movie-plays/core.ts';
import type { PlaysDelta } from '../../../../streams/movie-plays/core.ts';
import { action, T0 } from '../../../support/records.ts';

const anyPlay = fc
  .record({
    action: fc.constantFrom('play', 'complete'),
    movie_id: fc.integer({ min: 1, max: 3 }),
    occurred_at: fc.integer({ min: T0 - DAY_MS, max: T0 }),
  })
  .map(action);

it('is about plays and completes alone', () => {
  expect(['play', 'complete', 'progress'].map((kind) => isPlay(action({ action: kind })))).toEqual([
    true,
    true,
    false,
  ]);
});

it('counts by movie and day of UTC', () => {
  const midnight = Date.UTC(2026, 10, 20);
  const at = (occurred_at: number, kind: string) => action({ action: kind, occurred_at });
  const events = [at(midnight - 1, 'play'), at(midnight, 'play'), at(midnight, 'complete')];
  expect(planPlays(events)).toEqual([
    { movie_id: 7, day: '2026-11-19', plays: 1, completes: 0 },
    { movie_id: 7, day: '2026-11-20', plays: 1, completes: 1 },
  ]);
});

it('adds up to the same however batches are cut and ordered', () => {
  const total = (deltas: readonly PlaysDelta[]) => {
    const sums: Record<string, number> = {};
    for (const { movie_id, day, ...counts } of deltas)
      for (const [name, count] of Object.entries(counts)) {
        const key = `${movie_id} ${day} ${name}`;
        sums[key] = (sums[key] ?? 0) + count;
      }
    return sums;
  };
  fc.assert(
    fc.property(fc.array(anyPlay), fc.nat(20), (events, cut) => {
      const parts = [...planPlays(events.slice(cut).reverse()), ...planPlays(events.slice(0, cut))];
      expect(total(parts)).toEqual(total(planPlays(events)));
    }),
  );
});
