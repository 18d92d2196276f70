/** Where each movie of a list of ids stands in it. */
export interface Places {
  readonly size: number;
  get(movieId: number): number | undefined;
  has(movieId: number): boolean;
}

/** Ids may leave so much room between them, on average, and there is a table of all of them. */
const SPAN_PER_MOVIE = 64;
const SPAN_FREE = 65_536;

/**
 * Ids ascend, each once. Lists ask it for each of their movies, so it is a table where ids stand near each
 * other, as a catalogue's mostly do, and a map only where they don't.
 */
export function createPlaces(movieIds: Float64Array): Places {
  const first = movieIds[0] ?? 0;
  const span = (movieIds.at(-1) ?? 0) - first + 1;
  if (span > SPAN_FREE + SPAN_PER_MOVIE * movieIds.length)
    return new Map([...movieIds].map((id, place) => [id, place]));
  /** The place of first + i, from 1. */
  const table = new Uint32Array(span);
  movieIds.forEach((id, place) => {
    table[id - first] = place + 1;
  });
  return {
    size: movieIds.length,
    get(movieId) {
      const place = table[movieId - first];
      return place === undefined || place === 0 ? undefined : place - 1;
    },
    has(movieId) {
      const place = table[movieId - first];
      return place !== undefined && place !== 0;
    },
  };
}
