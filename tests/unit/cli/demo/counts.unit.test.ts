import { describe, expect, it } from 'vitest';
import { agrees, compareCounts } from '../../../../cli/demo/counts.ts';
import type { SentCounts, TableCounts } from '../../../../cli/demo/counts.ts';
import { PROCESSORS } from '../../../../streams/index.ts';

const sent: SentCounts = {
  importId: 'x',
  actions: 10,
  serves: 2,
  answers: 6,
  users: ['a', 'b'],
  movieIds: [1, 2, 3],
};
interface Held {
  readonly interactions: number;
  readonly movies: number;
  readonly feedback: number;
  readonly serves: number;
  /** Actions by user. */
  readonly profiles: ReadonlyMap<string, number>;
  readonly dead: number;
  readonly tooLate: number;
}

/** The counts as they are read when the tables hold this, by the checks that processors declare. */
function read(held: Held): TableCounts {
  const one = (n: number) => new Map([['', n]]);
  const numbers = new Map<string, ReadonlyMap<string, number>>([
    ['user actions', one(held.interactions)],
    ['movies', one(held.movies)],
    ['users', new Map([...held.profiles.keys()].map((user) => [user, 1]))],
    ['new actions in them', held.profiles],
    ['serves', one(held.serves)],
    ['answers to serves', one(held.feedback)],
  ]);
  const declared = Object.values(PROCESSORS).flatMap(({ importChecks }) => importChecks ?? []);
  const checks = declared.flatMap((check) => {
    const found = numbers.get(check.what);
    return found === undefined ? [] : [[check, found] as const];
  });
  expect(checks).toHaveLength(numbers.size);
  return { checks: new Map(checks), dead: held.dead, tooLate: held.tooLate };
}

const before: Held = {
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
const after: Held = {
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
const wrong = (a: Held, b: Held = before): string[] =>
  compareCounts(sent, read(b), read(a))
    .filter((check) => !agrees(check))
    .map(({ what }) => what);

describe('compareCounts', () => {
  it('agrees when everything that was sent is there, whatever was there before', () => {
    expect(wrong(after)).toEqual([]);
  });

  it('agrees when the same is sent again', () => {
    expect(wrong(after, after)).toEqual([]);
  });

  it.each<[string, Partial<Held>, string[]]>([
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
