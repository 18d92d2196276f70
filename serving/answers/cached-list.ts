import type { Catalogue } from '../ranking/catalogue.ts';
import type { ListSources } from '../lists/list-sources.ts';
import { readStoredList, storedIdentity } from '../lists/stored-list.ts';
import type { StoredList } from '../lists/stored-list.ts';
import type { Surface } from '../ranking/surface.ts';
import type { AnswerContext } from './context.ts';
import type { Said } from './said.ts';

/** A list found in Redis: one that holds, and one that would do if nothing better can be had. */
export interface Found {
  readonly fresh: StoredList | null;
  readonly stale: StoredList | null;
}

const NOTHING: Found = { fresh: null, stale: null };

/** Looks for the user's list of a surface, and says what was found. */
export async function findCached(
  context: AnswerContext,
  sources: ListSources,
  userId: string,
  surface: Surface,
  said: Said,
): Promise<Found> {
  const { cache } = context.options;
  if (cache === null) {
    said.say('cache', 'absent');
    return NOTHING;
  }
  const key = { userId, surface: surface.name, arm: null };
  const asked = await context.cacheGuard.ask(() => cache.get(key));
  if (asked.kind === 'failed') {
    said.say('cache', asked.why);
    return NOTHING;
  }
  const { value } = asked;
  if (value === null) {
    said.say('cache', 'miss');
    return NOTHING;
  }
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
    if (stored === 'foreign') void context.storeGuard.ask(() => cache.drop(key, value));
    return NOTHING;
  }
  if (!isOffered(stored, sources.catalogue)) {
    said.say('cache', 'withdrawn');
    return NOTHING;
  }
  if (context.now() >= stored.holdsUntil) {
    said.say('cache', 'outdated');
    return { fresh: null, stale: stored };
  }
  return { fresh: stored, stale: null };
}

/** A movie may have been withdrawn since the list was made. */
function isOffered(stored: StoredList, catalogue: Catalogue): boolean {
  for (let i = 0; i < stored.all; i++) if (!catalogue.placeOf.has(stored.movieId(i))) return false;
  return true;
}
