import type { Movie } from '../../schemas/generated/types.ts';
import type { Accepted } from '../runtime/processor.ts';
import { isWithdrawn } from '../topics/movies.ts';
import type { Withdrawn } from '../topics/movies.ts';

export function movieIdOf(event: Movie | Withdrawn): number {
  return isWithdrawn(event) ? event.withdrawn : event.movie_id;
}

/** The last record of each movie, ordered by movie: what a batch leaves. */
export function latestOfEach(
  events: readonly Accepted<Movie | Withdrawn>[],
): Accepted<Movie | Withdrawn>[] {
  const latest = new Map<number, Accepted<Movie | Withdrawn>>();
  for (const accepted of events) latest.set(movieIdOf(accepted.event), accepted);
  return [...latest.values()].sort((a, b) => movieIdOf(a.event) - movieIdOf(b.event));
}
