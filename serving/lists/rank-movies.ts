import type { UserState } from '../ranking/history.ts';
import type { Reason } from '../ranking/reasons.ts';
import type { Algorithm, ListItem } from './list.ts';
import type { ListSources } from './list-sources.ts';

export interface RankedMovies {
  readonly personal: boolean;
  readonly algorithm: Algorithm;
  readonly items: readonly ListItem[];
}

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
  const items = rankers?.items;
  const placeOf = (movieId: number): number | undefined => items?.placeOf.get(movieId);
  const popularity = (movieId: number): number => items?.popularity[placeOf(movieId) ?? -1] ?? 0;
  const scoreOf = (movieId: number): number => {
    const place = placeOf(movieId);
    return place === undefined ? 0 : (scored?.scores.get(place) ?? 0);
  };
  const places = offered.map(placeOf).filter((place) => place !== undefined);
  const reasons = scored?.reasons(new Set(places));
  const ranked = offered.map((movieId): ListItem => {
    const reason = reasons?.get(placeOf(movieId) ?? -1) ?? POPULAR;
    return { movieId, score: scoreOf(movieId), propensity: 1, reason };
  });
  ranked.sort(
    (a, b) =>
      b.score - a.score || popularity(b.movieId) - popularity(a.movieId) || a.movieId - b.movieId,
  );
  return {
    personal: scored !== null,
    algorithm: scored?.algorithm ?? 'popularity',
    items: ranked,
  };
}
