import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApi } from '../../../support/serving/test-api.ts';
import type { TestApi } from '../../../support/serving/test-api.ts';
import { createTinyRecommender } from '../../../support/serving/tiny-recommender.ts';

const recommender = createTinyRecommender();
let test: TestApi;
beforeAll(async () => {
  test = await startTestApi({ recommender });
});
afterAll(() => test.close());

const last = () => {
  const { call, query } = recommender.asked.at(-1) ?? { call: '', query: {} };
  const { startedAt, ...rest } = query as { readonly startedAt: number };
  expect(startedAt).toBeGreaterThan(0);
  return { call, ...rest };
};

const NOTHING = {
  app: 'web',
  surface: null,
  limit: null,
  include: [],
  filter: { exclude: [], genres: [], yearFrom: null, yearTo: null },
};

it('answers a list as the recommender made it, and tells caches to keep out', async () => {
  const response = await test.get('/v1/users/u%2F1729%20%C3%A4/recommendations');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(response.headers.get('cache-control')).toBe('private, no-store');
  expect(await response.json()).toMatchObject({ user_id: 'u/1729 ä', algorithm: 'tiny' });
  expect(last()).toEqual({
    call: 'recommend',
    ...NOTHING,
    userId: 'u/1729 ä',
    seen: null,
    after: null,
    personalize: true,
  });
});

it('reads every parameter of a list', async () => {
  const query =
    'surface=home&limit=7&exclude=1,2&exclude=3&genre=Sci-Fi&genre=Drama&year=1990..1999' +
    '&seen=demote&after=01A1FA6F-e6c0-7ec3-a19e-af9dad0e4a94&include=title,genres&personalize=false';
  const response = await test.get(`/v1/users/u/recommendations?${query}`);
  expect(response.status).toBe(200);
  expect(last()).toEqual({
    call: 'recommend',
    app: 'web',
    userId: 'u',
    surface: 'home',
    limit: 7,
    include: ['title', 'genres'],
    filter: { exclude: [1, 2, 3], genres: ['Sci-Fi', 'Drama'], yearFrom: 1990, yearTo: 1999 },
    seen: 'demote',
    after: '01a1fa6f-e6c0-7ec3-a19e-af9dad0e4a94',
    personalize: false,
  });
});
