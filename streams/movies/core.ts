import type { Movie } from '../../schemas/generated/types.ts';
import type { Accepted } from '../runtime/processor.ts';
import { isWithdrawn } from '../topics/movies.ts';
import type { Withdrawn } from '../topics/movies.ts';

export function movieIdOf(event: Movie | Withdrawn): number {
  return isWithdrawn(event) ? event.withdrawn : event.movie_id;
}

type Entry = Accepted<Movie | Withdrawn>;

/** Changes of the catalogue by a batch, each list ordered by movie. */
export interface CataloguePlan {
  readonly listed: readonly Accepted<Movie>[];
  /** Applied after `listed`: a movie in both is known by its title, and withdrawn. */
  readonly withdrawn: readonly Accepted<Withdrawn>[];
}

/**
 * The latest listing of each movie, and its withdrawal when that came after. Latest by receipt: a
 * redriven record counts as received when it first was, so it may stand behind a newer one.
 */
export function planCatalogue(events: readonly Entry[]): CataloguePlan {
  const listed = new Map<number, Accepted<Movie>>();
  const withdrawn = new Map<number, Accepted<Withdrawn>>();
  for (const entry of events) {
    const id = movieIdOf(entry.event);
    const listing = listed.get(id);
    const withdrawal = withdrawn.get(id);
    const isLatest =
      entry.receivedAt >= Math.max(listing?.receivedAt ?? 0, withdrawal?.receivedAt ?? 0);
    if (isWithdrawal(entry)) {
      if (isLatest) withdrawn.set(id, entry);
    } else if (entry.receivedAt >= (listing?.receivedAt ?? 0)) {
      listed.set(id, entry as Accepted<Movie>);
      if (isLatest) withdrawn.delete(id);
    }
  }
  return { listed: byMovie(listed), withdrawn: byMovie(withdrawn) };
}

function isWithdrawal(entry: Entry): entry is Accepted<Withdrawn> {
  return isWithdrawn(entry.event);
}

function byMovie<E>(entries: ReadonlyMap<number, Accepted<E>>): Accepted<E>[] {
  return [...entries].sort(([a], [b]) => a - b).map(([, entry]) => entry);
}
