import { createPlaces } from '../../../../serving/ranking/places.ts';
import { createItemModel, rowsOf } from '../../../../serving/ranking/item-model.ts';
import type { Entry, ItemModel } from '../../../../serving/ranking/item-model.ts';

/** A model of the movies 10, 20, ... whose tables are given as entries of such ids. */
export function modelOf(options: {
  readonly movies: number;
  readonly neighbours?: readonly Entry[];
  readonly next?: readonly Entry[];
  readonly popularity?: readonly number[];
  readonly vectors?: readonly (readonly number[])[];
}): ItemModel {
  const movieIds = Float64Array.from({ length: options.movies }, (_, i) => 10 * (i + 1));
  const placeOf = createPlaces(movieIds);
  const { vectors } = options;
  return createItemModel({
    version: '20261127T000000Z',
    movieIds,
    popularity: Float32Array.from(movieIds, (_, i) => options.popularity?.[i] ?? 0),
    neighbours: rowsOf(options.neighbours ?? [], placeOf),
    next: rowsOf(options.next ?? [], placeOf),
    vectors:
      vectors === undefined
        ? null
        : { dimensions: vectors[0]?.length ?? 0, values: Float32Array.from(vectors.flat()) },
  });
}
