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
  const offered = movieIds.filter((movieId) => catalogue.placeOf.has(movieId));
  const history = user?.history ?? [];
  const scored = history.length === 0 ? null : (rankers?.score(history, now) ?? null);
  const vector = scored === null ? (rankers?.vector(history) ?? null) : null;
  const items = rankers?.items;
  const placeOf = (movieId: number): number | undefined => items?.placeOf.get(movieId);
  const popularity = (movieId: number): number => items?.popularity[placeOf(movieId) ?? -1] ?? 0;
  const scoreOf = (movieId: number): number => {
    const place = placeOf(movieId);
    if (place === undefined) return 0;
    return vector === null ? (scored?.scores.get(place) ?? 0) : likeness(items, place, vector);
  };
  const places = offered.map(placeOf).filter((place) => place !== undefined);
  const reasons = scored?.reasons(new Set(places));
  const ranked = offered.map((movieId): ListItem => {
    const score = scoreOf(movieId);
    const other = vector !== null && score > 0 ? FITS_TASTE : POPULAR;
    const reason = reasons?.get(placeOf(movieId) ?? -1) ?? other;
    return { movieId, score, propensity: 1, reason };
  });
  ranked.sort(
    (a, b) =>
      b.score - a.score || popularity(b.movieId) - popularity(a.movieId) || a.movieId - b.movieId,
  );
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
