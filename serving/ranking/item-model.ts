import { createPlaces } from './places.ts';
import type { Places } from './places.ts';

/** Rows of weights, by place: those of row i stand at [starts[i], starts[i + 1]). */
export interface SparseRows {
  readonly starts: Uint32Array;
  readonly places: Uint32Array;
  readonly weights: Float32Array;
}

/** Vectors of one length, one a place, behind each other. A movie without one has zeros. */
export interface Vectors {
  readonly dimensions: number;
  /** places x dimensions. */
  readonly values: Float32Array;
}

/**
 * What the run chose for lists, by its own judging: where the data are thin, popularity beside or in the
 * place of the item-item scores. Deviations are over all users and movies of the run.
 */
export type Blend =
  | { readonly kind: 'item_item' }
  | {
      readonly kind: 'blend';
      readonly popularityShare: number;
      readonly itemDeviation: number;
      readonly popularityDeviation: number;
    }
  | { readonly kind: 'popularity' };

/**
 * A model version in memory. A movie's place is its index in `movieIds`; every other array goes by
 * places. Nothing in it changes: another version is another ItemModel.
 */
export interface ItemModel {
  readonly version: string;
  /** Ascending; below 2^53. */
  readonly movieIds: Float64Array;
  readonly placeOf: Places;
  /** What a user did to the row's movie, times the weight, speaks for the entry's movie. */
  readonly neighbours: SparseRows;
  /** How much the entry's movie is what comes after the row's. */
  readonly next: SparseRows;
  /** Users who liked the movie. */
  readonly popularity: Float32Array;
  /** Places, the most popular first, ties by place. */
  readonly byPopularity: Uint32Array;
  readonly vectors: Vectors | null;
  readonly blend: Blend;
}

/** One entry of `movie_neighbours` or `movie_next`. */
export interface Entry {
  readonly movieId: number;
  readonly otherId: number;
  readonly weight: number;
}

export interface ItemModelParts {
  readonly version: string;
  readonly neighbours: SparseRows;
  readonly next: SparseRows;
  readonly movieIds: Float64Array;
  readonly popularity: Float32Array;
  readonly vectors: Vectors | null;
  /** By default item-item alone. */
  readonly blend?: Blend;
}

/** Throws a RangeError when the parts don't fit together: a model that was loaded in halves. */
export function createItemModel(parts: ItemModelParts): ItemModel {
  const { movieIds, popularity, neighbours, next, vectors, version } = parts;
  const count = movieIds.length;
  movieIds.forEach((id, place) => {
    if (place > 0 && id <= (movieIds[place - 1] as number))
      throw new RangeError(`model ${version}: movie ids do not ascend at place ${place}`);
  });
  const placeOf = createPlaces(movieIds);
  if (popularity.length !== count)
    throw new RangeError(`model ${version}: ${popularity.length} popularities of ${count} movies`);
  checkRows(`model ${version}: neighbours`, neighbours, count);
  checkRows(`model ${version}: next`, next, count);
  if (vectors !== null && vectors.values.length !== count * vectors.dimensions)
    throw new RangeError(`model ${version}: vectors of other movies`);
  const byPopularity = Uint32Array.from(movieIds, (_, place) => place).sort(
    (a, b) => (popularity[b] as number) - (popularity[a] as number) || a - b,
  );
  const blend = parts.blend ?? { kind: 'item_item' };
  return { version, movieIds, placeOf, neighbours, next, popularity, byPopularity, vectors, blend };
}

function checkRows(what: string, rows: SparseRows, count: number): void {
  const entries = rows.starts[count];
  if (rows.starts.length !== count + 1 || entries !== rows.places.length)
    throw new RangeError(`${what} are not of ${count} movies`);
  if (rows.weights.length !== rows.places.length)
    throw new RangeError(
      `${what}: ${rows.weights.length} weights of ${rows.places.length} entries`,
    );
  for (const place of rows.places)
    if (place >= count) throw new RangeError(`${what} name a movie at place ${place} of ${count}`);
}

/** Rows from entries in any order; those of movies that the model doesn't know are left out. */
export function rowsOf(entries: readonly Entry[], placeOf: Places): SparseRows {
  const starts = new Uint32Array(placeOf.size + 1);
  const known: (readonly [row: number, place: number, weight: number])[] = [];
  for (const { movieId, otherId, weight } of entries) {
    const row = placeOf.get(movieId);
    const place = placeOf.get(otherId);
    if (row === undefined || place === undefined) continue;
    known.push([row, place, weight]);
    starts[row + 1] = (starts[row + 1] as number) + 1;
  }
  for (let row = 1; row < starts.length; row++)
    starts[row] = (starts[row] as number) + (starts[row - 1] as number);
  const at = starts.slice();
  const places = new Uint32Array(known.length);
  const weights = new Float32Array(known.length);
  for (const [row, place, weight] of known) {
    const i = at[row] as number;
    at[row] = i + 1;
    places[i] = place;
    weights[i] = weight;
  }
  return { starts, places, weights };
}
