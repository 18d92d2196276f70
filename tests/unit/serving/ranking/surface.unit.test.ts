import { expect, it } from 'vitest';
import { isCurrent } from '../../../../serving/ranking/surface.ts';

it('a rule holds from its first moment on, until the first one after it', () => {
  const at = (now: number) => isCurrent({ from: 3, until: 5 }, now);
  expect([2, 3, 4, 5].map(at)).toEqual([false, true, true, false]);
  expect(isCurrent({ from: null, until: null }, 0)).toBe(true);
});
