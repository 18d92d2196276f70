import type { ListWish, MadeList } from '../lists/list-maker.ts';
import type { ListSources } from '../lists/list-sources.ts';
import type { Surface } from '../ranking/surface.ts';
import type { AnswerContext } from './context.ts';
import { explored } from './explored.ts';
import type { ListQuery } from './recommender.ts';
import type { Said } from './said.ts';
import type { ServedList } from './served-list.ts';

/** A request's list, once its surface and what it wants are known. */
export interface Wanted {
  readonly query: ListQuery;
  readonly surface: Surface;
  readonly length: number;
  readonly firstPosition: number;
  readonly exclude: readonly number[];
  readonly said: Said;
}

/** So many movies are kept of a surface's list in Redis. */
export function keptLength(surface: Surface): number {
  return Math.max(50, surface.limit);
}

/** Whether it is the surface's list as it is, from its first item: what is kept in Redis. */
export function isPlain({ query, surface, length, exclude }: Wanted): boolean {
  const { filter, seen, after } = query;
  return (
    after === null &&
    exclude.length === 0 &&
    filter.genres.length === 0 &&
    filter.yearFrom === null &&
    filter.yearTo === null &&
    (seen === null || seen === surface.seen) &&
    length <= keptLength(surface)
  );
}

export function wishOf({ query, surface, length, exclude, firstPosition }: Wanted): ListWish {
  return {
    surface,
    length,
    filter: { ...query.filter, exclude },
    seenPolicy: query.seen,
    firstPosition,
    shown: NOTHING_SHOWN,
  };
}

export const NOTHING_SHOWN: ReadonlyMap<number, number> = new Map();

/** A list that was made for the request, cut to its length, with what its surface explores. */
export function served(
  { random }: AnswerContext,
  { query, surface, length, firstPosition, said }: Wanted,
  { rankers }: ListSources,
  source: ServedList['source'],
  { algorithm, items, pool }: MadeList,
  profileVersion: number,
): ServedList {
  return {
    userId: query.userId,
    surface,
    source,
    algorithm,
    modelVersion: rankers?.items.version ?? null,
    profileVersion,
    madeAt: Date.now(),
    items: explored(items.slice(0, length), pool, surface, firstPosition, random),
    firstPosition,
    afterRequestId: query.after,
    steps: said.all,
    rows: null,
  };
}
