import { expect, it } from 'vitest';
import { createCatalogue } from '../../../../serving/ranking/catalogue.ts';
import { diversify } from '../../../../serving/ranking/diversity.ts';
import { idsOf, rankedList } from './lists.ts';

const catalogue = createCatalogue([
  { movieId: 1, title: 'a', year: 2000, genres: ['Drama'] },
  { movieId: 2, title: 'b', year: 2000, genres: ['Drama'] },
  { movieId: 3, title: 'c', year: 2000, genres: ['Comedy'] },
  { movieId: 4, title: 'd', year: 2000, genres: ['Drama', 'Comedy'] },
]);
const list = rankedList(1, 0.9, 0.7, 0.65);

it('by MMR puts another genre before more of the same', () => {
  const diversity = { kind: 'mmr', relevance: 0.5, over: 50 } as const;
  expect(idsOf(diversify(list, catalogue, diversity))).toEqual([1, 3, 4, 2]);
  const plain = { kind: 'mmr', relevance: 1, over: 50 } as const;
  expect(idsOf(diversify(list, catalogue, plain))).toEqual([1, 2, 3, 4]);
});

it('by MMR chooses what is needed, among so many as it looks at', () => {
  const diversity = { kind: 'mmr', relevance: 0.5, over: 3 } as const;
  expect(idsOf(diversify(list, catalogue, diversity, 2))).toEqual([1, 3, 2, 4]);
  expect(idsOf(diversify(list, catalogue, { ...diversity, over: 2 }, 4))).toEqual([1, 2, 3, 4]);
});

it('by most per genre loses nothing', () => {
  const most = { kind: 'most_per_genre', most: 1 } as const;
  expect(idsOf(diversify(rankedList(4, 3, 2, 1), catalogue, most))).toEqual([1, 3, 2, 4]);
});
