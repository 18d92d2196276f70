import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backoffMs, createBackoff, pause } from '../../../common/backoff.ts';

describe('backoffMs', () => {
  it('doubles its bound from retry to retry, and takes between half of it and all of it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), (attempt) => {
        const bound = 100 * 2 ** (attempt - 1);
        const ms = backoffMs({ firstMs: 100, maxMs: Infinity }, attempt);
        expect(ms).toBeGreaterThanOrEqual(bound / 2);
        expect(ms).toBeLessThanOrEqual(bound);
      }),
    );
  });

  it.each([8, 100, 10_000])('stays within its maximum at retry %i', (attempt) => {
    const ms = backoffMs({ firstMs: 100, maxMs: 5_000 }, attempt);
    expect(ms).toBeGreaterThanOrEqual(2_500);
    expect(ms).toBeLessThanOrEqual(5_000);
  });
});

describe('with a clock of ours,', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** True once it has settled; the clock stands still meanwhile. */
  async function isSettled(promise: Promise<unknown>): Promise<boolean> {
    let settled = false;
    void promise.finally(() => (settled = true));
    await vi.advanceTimersByTimeAsync(0);
    return settled;
  }

  it('a pause takes its time', async () => {
    const paused = pause(50);
    await vi.advanceTimersByTimeAsync(49);
    expect(await isSettled(paused)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await isSettled(paused)).toBe(true);
  });

  it.each([0, -1, Number.NaN])('a pause of %d ms is none', async (ms) => {
    expect(await isSettled(pause(ms))).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a pause ends when aborted, and leaves no timer', async () => {
    const ending = new AbortController();
    const paused = pause(1_000, ending.signal);
    ending.abort();
    expect(await isSettled(paused)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    expect(await isSettled(pause(1_000, ending.signal))).toBe(true);
  });

  it('a backoff counts its waits, and begins anew after a reset', async () => {
    const backoff = createBackoff({ firstMs: 100, maxMs: 100_000 }, new AbortController().signal);
    for (const attempts of [1, 2, 3]) {
      const waited = backoff.wait();
      expect(backoff.attempts).toBe(attempts);
      await vi.advanceTimersByTimeAsync(100 * 2 ** (attempts - 1));
      expect(await isSettled(waited)).toBe(true);
    }
    backoff.reset();
    expect(backoff.attempts).toBe(0);
    const waited = backoff.wait();
    await vi.advanceTimersByTimeAsync(100);
    expect(await isSettled(waited)).toBe(true);
  });
});
