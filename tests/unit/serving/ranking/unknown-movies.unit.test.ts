import { expect, it } from 'vitest';
import { createUnknownMovies } from '../../../../serving/ranking/unknown-movies.ts';
import { modelOf } from './models.ts';

const model = modelOf({
  movies: 5,
  popularity: [7, 0, 0, 0, 3],
  vectors: [
    [9, 9],
    [1, 0],
    [0, 2],
    [-1, 0],
    [9, 9],
  ],
});

it('are those that nobody liked, the most alike first, and none that speaks against it', () => {
  if (model.vectors === null) throw new Error('no vectors');
  const unknown = createUnknownMovies(model, model.vectors);
  expect(unknown(Float32Array.of(1, 1), 9)).toEqual([30, 20]);
  expect(unknown(Float32Array.of(1, 1), 1)).toEqual([30]);
  expect(unknown(Float32Array.of(-1, 0), 9)).toEqual([40]);
});
