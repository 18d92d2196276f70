import { describe, expect, it } from 'vitest';
import { agrees, compareCounts } from '../../../../cli/demo/counts.ts';
import type { SentCounts, TableCounts } from '../../../../cli/demo/counts.ts';

const sent: SentCounts = {
  importId: 'x',
  actions: 10,
  serves: 2,
  answers: 6,
  users: ['a', 'b'],
  movieIds: [1, 2, 3],
};
const before: TableCounts = {
  interactions: 0,
  movies: 1,
  feedback: 0,
  serves: 0,
  profiles: new Map([
    ['a', 5],
    ['z', 7],
  ]),
  dead: 4,
  tooLate: 9,
};
const after: TableCounts = {
  interactions: 10,
  movies: 3,
  feedback: 6,
  serves: 2,
  profiles: new Map([
    ['a', 11],
    ['b', 4],
    ['z', 7],
  ]),
  dead: 4,
  tooLate: 9,
};
const wrong = (a: TableCounts, b: TableCounts = before): string[] =>
  compareCounts(sent, b, a)
    .filter((check) => !agrees(check))
    .map(({ what }) => what);

describe('compareCounts', () => {
  it('agrees when everything that was sent is there, whatever was there before', () => {
    expect(wrong(after)).toEqual([]);
  });

  it('agrees when the same is sent again', () => {
    expect(wrong(after, after)).toEqual([]);
  });

  it.each<[string, Partial<TableCounts>, string[]]>([
    ['an action lost', { interactions: 9 }, ['user actions', 'new actions in them']],
    ['an action twice', { interactions: 11 }, ['user actions', 'new actions in them']],
    ['a movie lost', { movies: 2 }, ['movies']],
    ['a serve lost', { serves: 1 }, ['serves']],
    ['an answer lost', { feedback: 5 }, ['answers to serves']],
    ['a record refused', { dead: 5 }, ['refused']],
    ['a record too late', { tooLate: 10 }, ['too late']],
    ['a profile lost', { profiles: new Map([['a', 15]]) }, ['users']],
    [
      'an action counted twice',
      { profiles: new Map([['a', 12], ['b', 4]]) }, // prettier-ignore
      ['new actions in them'],
    ],
  ])('sees %s', (_, change, expected) => {
    expect(wrong({ ...after, ...change })).toEqual(expected);
  });
});
