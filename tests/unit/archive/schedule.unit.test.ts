import { describe, expect, test } from 'vitest';
import { isDue, nextRunAfter } from '../../../archive/schedule.ts';
import { HOUR_MS, MINUTE_MS } from '../../../common/time.ts';

const at = (schedule: string, timeZone: string) => ({ schedule, timeZone });

/** Runs that a process makes which looks every minute, between two times. */
function runsBetween(schedule: ReturnType<typeof at>, fromMs: number, toMs: number): string[] {
  const runs: string[] = [];
  let last = fromMs;
  for (let now = fromMs; now <= toMs; now += MINUTE_MS) {
    if (!isDue(schedule, last, now)) continue;
    runs.push(new Date(now).toISOString().slice(0, 16));
    last = now;
  }
  return runs;
}

describe('the daily run', () => {
  test.each([
    // zone, the day without an hour, the day with one twice (all of 2026)
    ['Europe/Berlin', '2026-03-29', '2026-10-25'],
    ['America/New_York', '2026-03-08', '2026-11-01'],
    ['Australia/Lord_Howe', '2026-10-04', '2026-04-05'],
  ])('in %s comes once on each day of 23 or 25 hours', (zone, ...days) => {
    for (const schedule of [at('0 2 * * *', zone), at('30 2 * * *', zone), at('30 1 * * *', zone)])
      for (const day of days) {
        const from = Date.parse(`${day}T00:00Z`) - 36 * HOUR_MS;
        const runs = runsBetween(schedule, from, from + 96 * HOUR_MS);
        expect([schedule.schedule, day, runs.length]).toEqual([schedule.schedule, day, 4]);
        const gaps = runs
          .slice(1)
          .map((run, i) => Date.parse(`${run}Z`) - Date.parse(`${runs[i] ?? ''}Z`));
        for (const gap of gaps) {
          expect(gap).toBeGreaterThanOrEqual(22.9 * HOUR_MS);
          expect(gap).toBeLessThanOrEqual(25.6 * HOUR_MS);
        }
      }
  });

  test('after an outage of three days comes at once, and once', () => {
    const schedule = at('0 2 * * *', 'UTC');
    const last = Date.parse('2026-11-20T02:00:05Z');
    const back = Date.parse('2026-11-23T10:00:00Z');
    expect(isDue(schedule, last, back)).toBe(true);
    expect(isDue(schedule, back, back + HOUR_MS)).toBe(false);
    expect(new Date(nextRunAfter(schedule, back)).toISOString()).toBe('2026-11-24T02:00:00.000Z');
  });

  test('is not repeated when the clock is set back', () => {
    const schedule = at('0 2 * * *', 'UTC');
    const planned = Date.parse('2026-11-20T02:00:01Z');
    expect(isDue(schedule, planned, planned - 5 * HOUR_MS)).toBe(false);
    expect(isDue(schedule, planned, planned + 2 * HOUR_MS)).toBe(false);
  });

  test('comes at once where there was none', () => {
    expect(isDue(at('0 2 * * *', 'UTC'), null, 0)).toBe(true);
  });
});

test.each([
  [at('at two', 'UTC'), /archive\.schedule "at two"/],
  [at('0 2 * * *', 'Europe/Atlantis'), /Europe\/Atlantis/],
])('%j is refused with the setting named', (schedule, message) => {
  expect(() => nextRunAfter(schedule, Date.now())).toThrow(message);
});
