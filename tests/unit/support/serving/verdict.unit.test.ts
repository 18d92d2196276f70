import { describe, expect, it } from 'vitest';
import type { Asked } from '../../../support/serving/load.ts';
import { moviesOf, popularOf } from '../../../support/serving/marked.ts';
import { createQuestions, recommend } from '../../../support/serving/questions.ts';
import { faultOf, sourcesOf } from '../../../support/serving/verdict.ts';
import type { AnswerJson, Truth } from '../../../support/serving/verdict.ts';

const truth: Truth = {
  models: new Map([
    ['one', 1],
    ['two', 2],
  ]),
  wasActive: (version) => version === 'one',
  withdrawn: new Map([[moviesOf('ranked', 1, 2, 'home')[4] as number, 0]]),
};
const question = recommend({ whom: 'acts', userId: 'acts-1-0', group: 1 }, 'home');

function answer(movieIds: readonly number[], over: Partial<AnswerJson> = {}): Asked {
  const items = movieIds.slice(0, 10).map((movie_id, i) => ({ movie_id, position: i + 1 }));
  const json: AnswerJson = {
    request_id: 'r',
    user_id: 'acts-1-0',
    surface: 'home',
    source: 'cache',
    model_version: 'one',
    items,
    ...over,
  };
  return { question, startedAt: 100, endedAt: 101, status: 200, text: JSON.stringify(json) };
}

const own = moviesOf('ranked', 1, 1, 'home');

describe('the verdict on an answer', () => {
  it('finds nothing wrong with the right list', () => {
    expect(faultOf(answer(own), truth)).toBeNull();
    const popular = answer(popularOf('home'), { source: 'popular', model_version: null });
    expect(faultOf(popular, truth)).toBeNull();
  });

  it.each([
    ['another user', own, { user_id: 'acts-2-0' }],
    ['another surface', own, { surface: 'mail' }],
    ['a model that does not serve', moviesOf('ranked', 2, 1, 'home'), { model_version: 'two' }],
    ['no model', own, { model_version: null }],
    ['movies of another model', moviesOf('ranked', 2, 1, 'home'), {}],
    ['movies of another user', moviesOf('ranked', 1, 2, 'home'), {}],
    ['movies of another surface', moviesOf('ranked', 1, 1, 'mail'), {}],
    ['the nightly list of who acts', moviesOf('batch', 1, 1, 'home'), { source: 'batch' }],
    ['a movie twice', [...own.slice(0, 9), own[0] as number], {}],
    ['too few', own.slice(0, 9), {}],
  ] as const)('finds %s', (_, movieIds, over) => {
    expect(faultOf(answer(movieIds, over), truth)).not.toBeNull();
  });

  it('finds a movie that was withdrawn, after its time', () => {
    const of2 = { ...question, ...recommend({ whom: 'acts', userId: 'u', group: 2 }, 'home') };
    const list = answer(moviesOf('ranked', 1, 2, 'home'), { user_id: 'u' });
    const soon = { ...list, question: of2 };
    expect(faultOf(soon, truth)).toBeNull();
    expect(faultOf({ ...soon, startedAt: 5_001 }, truth)).toContain('withdrawn');
  });

  it('tells sources by who asks and since when', () => {
    const all = [answer(own), { ...answer(own, { source: 'similarity' }), startedAt: 50 }];
    expect(sourcesOf(all, 'acts', 100)).toEqual(['cache']);
    expect(sourcesOf(all, 'acts', 0)).toEqual(['cache', 'similarity']);
    expect(sourcesOf(all, 'batch', 0)).toEqual([]);
  });
});

it('questions are of all kinds, the same for the same seed', () => {
  const [one, two] = [createQuestions(3), createQuestions(3)];
  const asked = Array.from({ length: 500 }, (_, n) => one(n));
  expect(Array.from({ length: 500 }, (_, n) => two(n))).toEqual(asked);
  expect(new Set(asked.map(({ call }) => call)).size).toBe(6);
  expect(new Set(asked.map(({ whom }) => whom)).size).toBe(3);
});
