import type { ProfileChange } from '../../schemas/generated/types.ts';
import { holdsUntil } from '../../serving/lists/lifetime.ts';
import type { RecommendationList } from '../../serving/lists/list.ts';
import type { FirstCandidates } from '../../serving/lists/list-maker.ts';
import { userLists } from '../../serving/lists/list-maker.ts';
import type { ListSources } from '../../serving/lists/list-sources.ts';
import type { Rankers } from '../../serving/lists/rankers.ts';
import type { SparseRows } from '../../serving/ranking/item-model.ts';
import type { HistoryRow, UserState } from '../../serving/ranking/history.ts';
import type { Shown } from '../../serving/ranking/steps.ts';
import type { Surface } from '../../serving/ranking/surface.ts';
import type { Accepted } from '../runtime/processor.ts';

/** Users of whom something changed, each once, in the order of their names. */
export function changedUsers(events: readonly Accepted<ProfileChange>[]): string[] {
  return [...new Set(events.map(({ event }) => event.user_id))].sort();
}

/** So many movies are kept of a list: what a request asks for beyond is made when it is asked for. */
const KEPT_LENGTH = 50;

export interface UserToList {
  readonly userId: string;
  readonly user: UserState;
  readonly shown: Shown;
  readonly surfaces: readonly Surface[];
  /** By likeness, for whoever did nothing that has neighbours. */
  readonly first: FirstCandidates | null;
}

/**
 * A user's lists for some surfaces. None without a model: what is popular is the same for all, and isn't
 * kept for each.
 */
export function listsOf(
  sources: ListSources,
  { userId, user, shown, surfaces, first }: UserToList,
  now: number,
): RecommendationList[] {
  const { rankers, generation } = sources;
  if (rankers === null) return [];
  const lists = userLists(sources, user, now);
  return surfaces.map((surface) => {
    const { algorithm, items, pool } = lists.make({
      surface,
      length: Math.max(KEPT_LENGTH, surface.limit),
      filter: NO_FILTER,
      seenPolicy: null,
      firstPosition: 1,
      shown,
      first,
    });
    return {
      userId,
      surface: surface.name,
      surfaceVersion: surface.version,
      arm: null,
      modelVersion: rankers.items.version,
      generation,
      profileVersion: user.profileVersion,
      madeAt: now,
      holdsUntil: holdsUntil(now, user.history.at(-1)?.lastAt ?? null),
      algorithm,
      length: surface.limit,
      items,
      pool,
    };
  });
}

/** Whether something that the user likes speaks for other movies. */
export function hasNeighbours(
  { items }: Pick<Rankers, 'items'>,
  history: readonly HistoryRow[],
): boolean {
  const hasRow = ({ starts }: SparseRows, row: number): boolean =>
    (starts[row] as number) < (starts[row + 1] as number);
  return history.some(({ movieId, weight }) => {
    const row = items.placeOf.get(movieId);
    if (row === undefined || weight <= 0) return false;
    return hasRow(items.neighbours, row) || hasRow(items.next, row);
  });
}

const NO_FILTER = { exclude: [], genres: [], yearFrom: null, yearTo: null };

/** As pgvector reads it. */
export function vectorText(vector: Float32Array): string {
  return `[${vector.join(',')}]`;
}
