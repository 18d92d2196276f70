import { expect, it } from 'vitest';
import { createRecommender } from '../../../../serving/answers/create-recommender.ts';
import { createRankers } from '../../../../serving/lists/rankers.ts';
import { createCatalogue } from '../../../../serving/ranking/catalogue.ts';
import type { ServingState } from '../../../../serving/state/serving-state.ts';
import { builtInSurfaces } from '../../../../serving/surfaces/read-surfaces.ts';
import { modelOf } from '../ranking/models.ts';
import { parseAnswer } from '../../../support/serving/answer-body.ts';

/** Who likes 10, 20, ... 100 likes movies of their own alone: three each, from 1010 on. */
const MOVIES = 200;
const likes = Array.from({ length: 10 }, (_, i) => 10 * (i + 1));
const ownOf = (like: number): number[] => [1, 2, 3].map((n) => 1_000 + 3 * like + 10 * n);
const model = modelOf({
  movies: MOVIES,
  neighbours: likes.flatMap((movieId) =>
    ownOf(movieId).map((otherId, i) => ({ movieId, otherId, weight: 1 - i / 10 })),
  ),
});
const catalogue = createCatalogue(
  Array.from({ length: MOVIES }, (_, i) => {
    return { movieId: 10 * (i + 1), title: `${i}`, year: null, genres: [] };
  }),
);
const foldIn = { alpha: 1, regularisation: 0.1, oldShare: 1, cut: 0 };
const rankers = createRankers(model, foldIn);
const state: ServingState = {
  pool: { query: () => Promise.resolve([]), close: () => Promise.resolve() },
  sources: () => ({ catalogue, rankers, generation: 1, trending: null }),
  nearest: () => null,
  asOf: () => ({ model: null, catalogue: null }),
  ready: () => Promise.resolve(),
  refresh: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
const nothing = () => undefined;
const surfaces = builtInSurfaces();

it('requests that come at once get lists of their own', async () => {
  const recommender = createRecommender({
    state,
    cache: null,
    surfaces: () => surfaces,
    served: () => null,
    append: () => Promise.resolve(),
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  const question = {
    ...{ app: 'test', surface: null, limit: 3, include: [], startedAt: performance.now() },
    filter: { exclude: [], genres: [], yearFrom: null, yearTo: null },
  };
  const bodies = await Promise.all(
    likes.flatMap((movieId) => [
      recommender.similar({ ...question, movieId, userId: null }),
      recommender.session({
        ...question,
        seen: null,
        actions: [{ movieId, action: 'like', value: null, at: null }],
      }),
    ]),
  );
  const listed = bodies.map((answer) => {
    const { items } = parseAnswer(answer) as { items: { movie_id: number }[] };
    return items.map((item) => item.movie_id);
  });
  expect(listed).toEqual(likes.flatMap((like) => [ownOf(like), ownOf(like)]));
});
