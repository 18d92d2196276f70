import { describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../../common/time.ts';
import { shownTimes } from '../../../../serving/ranking/shown.ts';
import type { ShownServe } from '../../../../serving/ranking/shown.ts';

const NOW = 100 * HOUR_MS;
const serve = (more: Partial<ShownServe>): ShownServe => ({
  servedAt: NOW,
  movieIds: [1, 2, 3, 4],
  reported: [],
  answered: [],
  ...more,
});
const times = (...serves: ShownServe[]) => Object.fromEntries(shownTimes(serves, NOW));

describe('what was shown without a response', () => {
  it('is what the app reports, whatever else stood in the list', () => {
    expect(times(serve({ reported: [1, 2] }))).toEqual({ 1: 1, 2: 1 });
  });

  it('is what stands above the lowest answer where nothing is reported, but for the answered', () => {
    expect(times(serve({ answered: [3] }))).toEqual({ 1: 1, 2: 1 });
  });

  it('is the whole list at half weight where nothing is known', () => {
    expect(times(serve({}))).toEqual({ 1: 0.5, 2: 0.5, 3: 0.5, 4: 0.5 });
  });

  it('counts half after a day, and not at all after two', () => {
    const old = (hours: number) => serve({ reported: [1], servedAt: NOW - hours * HOUR_MS });
    expect(times(old(24), old(0))).toEqual({ 1: 1.5 });
    expect(times(old(49))).toEqual({});
  });

  it('forgets a movie once it was answered, in whichever list', () => {
    expect(times(serve({ reported: [1, 2] }), serve({ reported: [2], answered: [1] }))).toEqual({
      2: 2,
    });
  });
});
