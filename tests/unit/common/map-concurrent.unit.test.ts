import { expect, test } from 'vitest';
import { mapConcurrent } from '../../../common/map-concurrent.ts';

test('work side by side ends at a failure, and none of it goes on after', async () => {
  const begun: number[] = [];
  let running = 0;
  const work = mapConcurrent(
    Array.from({ length: 100 }, (_, n) => n),
    4,
    async (n) => {
      begun.push(n);
      running++;
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (n === 5) throw new Error('the sixth');
      return n;
    },
  );
  await expect(work).rejects.toThrow('the sixth');
  expect(running).toBe(0);
  expect(begun.length).toBeLessThanOrEqual(9);
});
