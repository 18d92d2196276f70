import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSignal } from '../../../common/signal.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('wakes everybody who waits, and leaves no timer', async () => {
  const signal = createSignal();
  const waits = [signal.wait(1_000), signal.wait(2_000)];
  signal.raise();
  await Promise.all(waits);
  expect(vi.getTimerCount()).toBe(0);
});

test('a wait ends by itself after its time', async () => {
  const waited = createSignal().wait(1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  await waited;
});

test('a wait without a time lasts until it is raised', async () => {
  const signal = createSignal();
  const waited = signal.wait();
  expect(vi.getTimerCount()).toBe(0);
  signal.raise();
  await waited;
});

test('is not kept for those who come later', async () => {
  const signal = createSignal();
  signal.raise();
  let woken = false;
  const waited = signal.wait(1_000).then(() => (woken = true));
  await vi.advanceTimersByTimeAsync(999);
  expect(woken).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await waited;
});
