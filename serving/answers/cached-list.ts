import type { Catalogue } from '../ranking/catalogue.ts';
import type { ListSources } from '../lists/list-sources.ts';
import { readStoredList, storedIdentity } from '../lists/stored-list.ts';
import type { StoredList } from '../lists/stored-list.ts';
import type { Surface } from '../ranking/surface.ts';
import type { AnswerContext } from './context.ts';
import type { ListKey } from '../cache/list-cache.ts';
import type { Guarded } from './guarded.ts';
import type { Wanted } from './wanted.ts';

/** A list found in Redis: one that holds, and one that would do if nothing better can be had. */
export interface Found {
  readonly fresh: StoredList | null;
  readonly stale: StoredList | null;
}

export const NOTHING_FOUND: Found = { fresh: null, stale: null };

/** Whether what was found under the user's key is their list of the surface; says what it was. */
export function judgeFound(
  context: AnswerContext,
  sources: ListSources,
  wanted: Wanted,
  asked: Guarded<Buffer | null>,
): Found {
  const { query, surface, said } = wanted;
  if (asked.kind === 'failed') {
    said.say('cache', asked.why);
    return NOTHING_FOUND;
  }
  const { value } = asked;
  if (value === null) {
    said.say('cache', 'miss');
    return NOTHING_FOUND;
  }
  const { userId } = query;
  const stored = readStoredList(
    value,
    storedIdentity({
      userId,
      surface: surface.name,
      surfaceVersion: surface.version,
      arm: null,
      modelVersion: sources.rankers?.items.version ?? null,
    }),
  );
  if (typeof stored === 'string') {
    said.say('cache', stored === 'foreign' ? 'foreign' : 'other');
    // Whatever its bytes say of its age, it must not keep this user's lists out.
    const { cache } = context.options;
    if (stored === 'foreign' && cache !== null)
      void context.storeGuard.ask(() => cache.drop(cacheKey(userId, surface), value));
    return NOTHING_FOUND;
  }
  // Of one that is sent as it stands, only what is sent of it.
  const looked = isAsStored(wanted, stored) ? stored.log.items : stored.all;
  if (!isOffered(stored, looked, sources.catalogue)) {
    said.say('cache', 'withdrawn');
    return NOTHING_FOUND;
  }
  if (context.now() >= stored.holdsUntil) {
    said.say('cache', 'outdated');
    return { fresh: null, stale: stored };
  }
  return { fresh: stored, stale: null };
}

/** Nothing of it is to be changed: it can be sent as it stands. */
export function isAsStored(
  { query, surface, length }: Wanted,
  { log, count }: StoredList,
): boolean {
  return (
    query.include.length === 0 &&
    surface.exploration.share === 0 &&
    log.items === Math.min(length, count)
  );
}

export function cacheKey(userId: string, surface: Surface): ListKey {
  return { userId, surface: surface.name, arm: null };
}

/** A movie may have been withdrawn since the list was made. */
function isOffered(stored: StoredList, items: number, catalogue: Catalogue): boolean {
  for (let i = 0; i < items; i++) if (!catalogue.placeOf.has(stored.movieId(i))) return false;
  return true;
}
