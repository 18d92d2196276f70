import { createRandom } from '../../../../common/random.ts';
import type { ArrangeInput, ListCandidate } from '../../../../serving/lists/arrange.ts';
import { createCatalogue } from '../../../../serving/ranking/catalogue.ts';
import type { RequestFilter, Surface } from '../../../../serving/ranking/surface.ts';

/** A surface with all steps off. */
export const PLAIN: Surface = {
  name: 'home',
  version: '000000000000',
  limit: 20,
  filter: { genresAny: [], genresNone: [], yearFrom: null, yearTo: null },
  blocked: new Set(),
  boosts: { genres: new Map(), movies: new Map() },
  pins: [],
  reserved: [],
  seen: 'show',
  impressionDiscount: 1,
  popularityExponent: 0,
  diversity: { kind: 'none' },
  exploration: { share: 0, fromPosition: 1, pool: 100 },
};

export const NO_FILTER: RequestFilter = { exclude: [], genres: [], yearFrom: null, yearTo: null };

export const GENRES = ['Comedy', 'Drama', 'Noir', 'Western'];

/** Movies 1 to `count`: their genres and years follow from their ids; every seventh has no year. */
export function catalogueOf(count: number) {
  return createCatalogue(
    Array.from({ length: count }, (_, i) => ({
      movieId: i + 1,
      title: `Movie ${i + 1}`,
      year: i % 7 === 0 ? null : 1980 + (i % 40),
      genres: GENRES.filter((_genre, g) => ((i + 1) >> g) % 2 === 1),
    })),
  );
}

export function candidatesOf(movieIds: readonly number[]): ListCandidate[] {
  return movieIds.map((movieId, i) => ({
    movieId,
    score: (movieIds.length - i) / 10,
    origin: 'ranked',
  }));
}

/** What an input is when a test doesn't say: 40 movies, the first 20 of them candidates, steps off. */
export function inputOf(given: Partial<ArrangeInput> = {}): ArrangeInput {
  return {
    candidates: candidatesOf(Array.from({ length: 20 }, (_, i) => i + 1)),
    catalogue: catalogueOf(40),
    popularityOf: (movieId) => 1000 / movieId,
    seen: new Set(),
    shown: new Map(),
    surface: PLAIN,
    filter: NO_FILTER,
    seenPolicy: null,
    length: 10,
    firstPosition: 1,
    pool: null,
    now: 0,
    random: createRandom(1),
    ...given,
  };
}
