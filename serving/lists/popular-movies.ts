import type { ListCandidate } from './arrange.ts';
import type { ListSources } from './list-sources.ts';

/**
 * Movies by what is popular now, then by how many liked them, then the newest of the catalogue: so a
 * list is full as long as there are movies. Scores are shares of the most popular one's; where the movies
 * only fill a personal list they have none.
 */
export function* popularMovies(
  { trending, rankers, catalogue }: ListSources,
  asFill: boolean,
): Generator<ListCandidate> {
  const most = trending?.scores[0] ?? 0;
  for (const [i, movieId] of (trending?.movieIds ?? []).entries()) {
    const score = asFill || most === 0 ? 0 : (trending?.scores[i] ?? 0) / most;
    yield { movieId, score, origin: 'popular' };
  }
  if (rankers !== null)
    for (const place of rankers.items.byPopularity)
      yield { movieId: rankers.items.movieIds[place] as number, score: 0, origin: 'popular' };
  for (let place = catalogue.movieIds.length - 1; place >= 0; place--)
    yield { movieId: catalogue.movieIds[place] as number, score: 0, origin: 'popular' };
}
