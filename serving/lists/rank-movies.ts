import type { ItemModel } from '../ranking/item-model.ts';
import type { UserState } from '../ranking/history.ts';
import type { Reason } from '../ranking/reasons.ts';
import type { Algorithm, ListItem } from './list.ts';
import type { ListSources } from './list-sources.ts';

export interface RankedMovies {
  readonly personal: boolean;
  readonly algorithm: Algorithm;
  readonly items: readonly ListItem[];
}

const FITS_TASTE: Reason = { kind: 'fits_taste' };
const POPULAR: Reason = { kind: 'popular' };

/** Given movies by a user's scores, ties by popularity and then by id; none that isn't offered. */
export function rankMovies(
  { rankers, catalogue }: ListSources,
  user: UserState | null,
  movieIds: readonly number[],
  now: number,
): RankedMovies {
  const history = user?.history ?? [];
  const scored = history.length === 0 ? null : (rankers?.score(history, now) ?? null);
  const vector = scored === null ? (rankers?.vector(history) ?? null) : null;
  const items = rankers?.items;
  const scoreOf = (place: number): number =>
    vector === null ? (scored?.scores.get(place) ?? 0) : likeness(items, place, vector);
  const known = movieIds
    .filter((movieId) => catalogue.placeOf.has(movieId))
    .map((movieId) => {
      const place = items?.placeOf.get(movieId);
      return {
        movieId,
        place,
        score: place === undefined ? 0 : scoreOf(place),
        popularity: place === undefined ? 0 : (items?.popularity[place] ?? 0),
      };
    })
    .sort((a, b) => b.score - a.score || b.popularity - a.popularity || a.movieId - b.movieId);
  const places = known.flatMap(({ place }) => (place === undefined ? [] : [place]));
  const reasons = scored?.reasons(new Set(places));
  const ranked = known.map(({ movieId, place, score }): ListItem => {
    const other = vector !== null && score > 0 ? FITS_TASTE : POPULAR;
    const reason = reasons?.get(place ?? -1) ?? other;
    return { movieId, score, propensity: 1, reason };
  });
  return {
    personal: scored !== null || vector !== null,
    algorithm: scored?.algorithm ?? (vector === null ? 'popularity' : 'fold_in'),
    items: ranked,
  };
}

/** Inner product of a movie's vector with the user's. */
function likeness(items: ItemModel | undefined, place: number, vector: Float32Array): number {
  const { values, dimensions } = items?.vectors ?? { values: vector, dimensions: 0 };
  let product = 0;
  for (let i = 0; i < dimensions; i++)
    product += (vector[i] as number) * (values[place * dimensions + i] as number);
  return product;
}
