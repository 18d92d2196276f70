import { describe, expect, it } from 'vitest';
import { place } from '../../../../serving/ranking/placing.ts';
import type { Pin, Slots } from '../../../../serving/ranking/placing.ts';
import { idsOf, rankedList } from './lists.ts';

const ten = rankedList(...Array.from({ length: 10 }, (_, i) => 10 - i));
const placed = (pins: readonly Pin[], reserved: readonly Slots[], length: number, first = 1) =>
  place(ten, pins, reserved, length, first);

describe('pins', () => {
  it('take their positions, and no movie stands twice', () => {
    const pins = [
      { movieId: 3, position: 1 },
      { movieId: 99, position: 3 },
    ];
    const { items, fixed } = placed(pins, [], 4);
    expect(idsOf(items)).toEqual([3, 1, 99, 2]);
    expect(items.map(({ origin }) => origin)).toEqual(['pinned', 'ranked', 'pinned', 'ranked']);
    expect(items.map(({ score }) => score)).toEqual([8, 10, 0, 9]);
    expect(fixed).toEqual(new Set([3, 99]));
  });

  it('stand at the end of a list that is too short for their position', () => {
    const { items } = place(rankedList(5), [{ movieId: 9, position: 7 }], [], 10);
    expect(idsOf(items)).toEqual([1, 9]);
  });

  it('stand on the page that has their position', () => {
    const pins = [{ movieId: 99, position: 6 }];
    expect(idsOf(placed(pins, [], 4).items)).toEqual([1, 2, 3, 4]);
    expect(idsOf(placed(pins, [], 4, 5).items)).toEqual([1, 99, 2, 3]);
  });

  it('that want the same place or movie lose no place', () => {
    const pins = [
      { movieId: 7, position: 2 },
      { movieId: 8, position: 2 },
      { movieId: 7, position: 3 },
    ];
    expect(idsOf(placed(pins, [], 4).items)).toEqual([1, 7, 2, 3]);
  });
});

describe('reserved slots', () => {
  const slots = (count: number, of: number, ...movieIds: number[]): Slots => ({
    slots: count,
    of,
    movieIds,
  });

  it('move the best of the set up to the lowest places that are free', () => {
    const { items, fixed } = placed([], [slots(2, 4, 99, 9, 6, 2)], 8);
    expect(idsOf(items)).toEqual([1, 2, 3, 6, 4, 5, 7, 8]);
    expect(items[3]).toMatchObject({ score: 5, origin: 'pinned' });
    expect(items[1]?.origin).toBe('ranked');
    expect(fixed).toEqual(new Set([2, 6]));
  });

  it('leave a list alone that has enough of the set', () => {
    expect(idsOf(placed([], [slots(2, 4, 1, 2, 3)], 5).items)).toEqual([1, 2, 3, 4, 5]);
  });

  it('take movies that were not ranked when no others are there', () => {
    expect(idsOf(placed([], [slots(2, 3, 98, 99)], 4).items)).toEqual([1, 98, 99, 2]);
  });

  it('count pins of the set, and leave pins where they are', () => {
    const pins = [{ movieId: 99, position: 3 }];
    expect(idsOf(placed(pins, [slots(2, 3, 98, 99)], 4).items)).toEqual([1, 98, 99, 2]);
  });

  it('hold beside each other, the larger window not at the cost of the smaller', () => {
    const { items } = placed([], [slots(4, 6, 9, 10, 7, 8), slots(2, 3, 5, 6)], 8);
    expect(idsOf(items)).toEqual([5, 6, 7, 8, 9, 10, 1, 2]);
  });

  it('end with the list', () => {
    expect(idsOf(placed([], [slots(2, 20, 98, 99)], 3).items)).toEqual([1, 98, 99]);
    expect(idsOf(placed([], [slots(2, 4, 98, 99)], 3, 5).items)).toEqual([1, 2, 3]);
  });
});
