import { createPlaces } from './places.ts';
import type { Places } from './places.ts';

/** What lists need to know of the movies, by their place in it. Nothing in it changes. */
export interface Catalogue {
  /** Ascending. */
  readonly movieIds: Float64Array;
  readonly placeOf: Places;
  readonly titles: readonly string[];
  /** 0 where it is not known. */
  readonly years: Int16Array;
  readonly genres: readonly string[];
  /** Each movie's genres, as indexes of `genres`. */
  readonly genresOf: readonly Uint16Array[];
}

export interface CatalogueMovie {
  readonly movieId: number;
  readonly title: string;
  readonly year: number | null;
  readonly genres: readonly string[];
}

/** A catalogue of movies that are not withdrawn, in any order; of two with one id the last counts. */
export function createCatalogue(movies: readonly CatalogueMovie[]): Catalogue {
  const byId = new Map(movies.map((movie) => [movie.movieId, movie]));
  const sorted = [...byId.values()].sort((a, b) => a.movieId - b.movieId);
  const genres = [...new Set(sorted.flatMap((movie) => movie.genres))].sort();
  const genreIndex = new Map(genres.map((genre, i) => [genre, i]));
  const movieIds = Float64Array.from(sorted, ({ movieId }) => movieId);
  return {
    movieIds,
    placeOf: createPlaces(movieIds),
    titles: sorted.map(({ title }) => title),
    years: Int16Array.from(sorted, ({ year }) => year ?? 0),
    genres,
    genresOf: sorted.map((movie) =>
      Uint16Array.from(new Set(movie.genres.map((genre) => genreIndex.get(genre) ?? 0))),
    ),
  };
}
