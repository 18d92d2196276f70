import { expect, it } from 'vitest';
import { createBreaker } from '../../../common/breaker.ts';

it('lets nobody through for a while after failures in a row, then one alone', () => {
  let now = 0;
  const breaker = createBreaker({ failuresMax: 2, restMs: 100, now: () => now });
  breaker.failed();
  expect([breaker.allows(), breaker.isOpen()]).toEqual([true, false]);
  breaker.failed();
  expect([breaker.allows(), breaker.isOpen()]).toEqual([false, true]);
  now = 100;
  expect([breaker.allows(), breaker.allows()]).toEqual([true, false]);
  breaker.succeeded();
  expect([breaker.allows(), breaker.isOpen()]).toEqual([true, false]);
});

it('forgets failures that were not in a row', () => {
  const breaker = createBreaker({ failuresMax: 2, restMs: 100, now: () => 0 });
  for (let i = 0; i < 10; i++) {
    breaker.failed();
    breaker.succeeded();
  }
  expect(breaker.isOpen()).toBe(false);
});

it('rests again when the one try fails', () => {
  let now = 0;
  const breaker = createBreaker({ failuresMax: 1, restMs: 100, now: () => now });
  breaker.failed();
  now = 150;
  expect(breaker.allows()).toBe(true);
  breaker.failed();
  now = 240;
  expect(breaker.allows()).toBe(false);
  now = 250;
  expect(breaker.allows()).toBe(true);
});
