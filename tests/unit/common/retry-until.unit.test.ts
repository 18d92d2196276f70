import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MarqueeError } from '../../../common/error.ts';
import { retryUntil } from '../../../common/retry-until.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const away = () => new MarqueeError('MARQUEE_PG_UNAVAILABLE', 'away', { retriable: true });
const options = { backoff: { firstMs: 100, maxMs: 1_000 }, patienceMs: 10_000 };

/** Fails so often before it gives its result. */
function failing(times: number, error: () => Error = away) {
  let tries = 0;
  return {
    get tries() {
      return tries;
    },
    work: () => (++tries > times ? Promise.resolve('done') : Promise.reject(error())),
  };
}

test('a fault that may pass is told and tried again, until the work is done', async () => {
  const told: string[] = [];
  const { work } = failing(3);
  const done = retryUntil({ ...options, retrying: ({ code }) => told.push(code) }, work);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(await done).toBe('done');
  expect(told).toEqual(Array(3).fill('MARQUEE_PG_UNAVAILABLE'));
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  ['a fault that stays', () => new MarqueeError('MARQUEE_PG_REFUSED', 'no')],
  ['an error of somebody else', () => new TypeError('no function')],
])('%s is thrown at once', async (_, error) => {
  const retrying = vi.fn();
  const work = failing(1, error);
  await expect(retryUntil({ ...options, retrying }, work.work)).rejects.toThrow(error().message);
  expect(work.tries).toBe(1);
  expect(retrying).not.toHaveBeenCalled();
});

test('when patience ends the pause ends with it, and the next fault is thrown', async () => {
  const work = failing(Infinity);
  const backoff = { firstMs: 60_000, maxMs: 60_000 };
  const given = retryUntil({ backoff, patienceMs: 10_000, retrying: () => undefined }, work.work);
  const thrown = expect(given).rejects.toMatchObject({ code: 'MARQUEE_PG_UNAVAILABLE' });
  await vi.advanceTimersByTimeAsync(10_000);
  await thrown;
  expect(work.tries).toBe(2);
});

test('once aborted the next fault is thrown', async () => {
  const stopping = new AbortController();
  const work = failing(Infinity);
  const retrying = () => {
    stopping.abort();
  };
  const given = retryUntil({ ...options, signal: stopping.signal, retrying }, work.work);
  const thrown = expect(given).rejects.toMatchObject({ code: 'MARQUEE_PG_UNAVAILABLE' });
  await vi.advanceTimersByTimeAsync(100);
  await thrown;
  expect(work.tries).toBe(2);
});
