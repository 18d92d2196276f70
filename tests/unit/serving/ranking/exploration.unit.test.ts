import { expect, it } from 'vitest';
import { createRandom } from '../../../../common/random.ts';
import { explore } from '../../../../serving/ranking/exploration.ts';
import { idsOf, rankedList } from './lists.ts';

const list = rankedList(6, 5, 4, 3, 2);
const pool = [101, 102, 103];
const fromThird = { share: 0.9, isOpen: (_: unknown, i: number) => i >= 2 };

it('gives away no place that is not open, and shows no movie twice', () => {
  const random = createRandom(7);
  for (let n = 0; n < 200; n++) {
    const found = idsOf(explore(list, pool, fromThird, random));
    expect(new Set(found).size).toBe(5);
    expect(found.slice(0, 2)).toEqual([1, 2]);
  }
});

it('of a small pool gives away as many places as it has movies', () => {
  const { share, isOpen } = fromThird;
  const after = explore(list, [101, 102], { share, isOpen }, createRandom(1));
  expect(after.map(({ propensity }) => propensity)[4]).toBe(1);
  expect(after[4]).toBe(list[4]);
});

it('changes nothing without a share or a pool', () => {
  expect(explore(list, [], fromThird, createRandom(1))).toBe(list);
  expect(explore(list, pool, { ...fromThird, share: 0 }, createRandom(1))).toBe(list);
});
