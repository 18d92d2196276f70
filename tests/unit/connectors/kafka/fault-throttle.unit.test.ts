import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFaultThrottle } from '../../../../connectors/kafka/fault-throttle.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('the same fault is told once in five seconds, another one at once', () => {
  const told: string[] = [];
  const fault = createFaultThrottle()(({ message }) => told.push(message));
  for (const message of ['away', 'away', 'refused', 'away']) fault(new Error(message));
  expect(told).toEqual(['away', 'refused']);
  vi.advanceTimersByTime(5_000);
  fault(new Error('away'));
  expect(told).toEqual(['away', 'refused', 'away']);
});

test('who reports next knows what was told before', () => {
  const throttle = createFaultThrottle();
  const told: string[] = [];
  for (const name of ['one', 'two']) {
    throttle(({ message }) => told.push(`${name}: ${message}`))(new Error('away'));
  }
  expect(told).toEqual(['one: away']);
});
