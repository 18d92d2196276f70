import { expect, test } from 'vitest';
import { mapConcurrent } from '../../../common/map-concurrent.ts';

/** Work that ends when the test says so. */
function gates() {
  const open = new Map<number, PromiseWithResolvers<number>>();
  return {
    begun: () => [...open.keys()],
    work: (item: number) => {
      const gate = Promise.withResolvers<number>();
      open.set(item, gate);
      return gate.promise;
    },
    finish: async (item: number) => {
      open.get(item)?.resolve(item * 10);
      await settle();
    },
    fail: async (item: number) => {
      open.get(item)?.reject(new Error(`item ${item}`));
      await settle();
    },
  };
}

/** All that is due without a timer has happened. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('so many are under way at once, and results keep the order of the items', async () => {
  const { begun, work, finish } = gates();
  const results = mapConcurrent([1, 2, 3, 4], 2, work);
  expect(begun()).toEqual([1, 2]);
  await finish(2);
  expect(begun()).toEqual([1, 2, 3]);
  await finish(3);
  await finish(1);
  await finish(4);
  expect(await results).toEqual([10, 20, 30, 40]);
});

test('after a failure none is begun, and it is thrown once what is under way has ended', async () => {
  const { begun, work, finish, fail } = gates();
  let over = false;
  const results = mapConcurrent([1, 2, 3, 4], 2, work).finally(() => (over = true));
  const thrown = expect(results).rejects.toThrow('item 1');
  await fail(1);
  expect(over).toBe(false);
  await finish(2);
  await thrown;
  expect(begun()).toEqual([1, 2]);
});

test('no items are no work', async () => {
  expect(await mapConcurrent([], 8, () => Promise.reject(new Error('called')))).toEqual([]);
});
