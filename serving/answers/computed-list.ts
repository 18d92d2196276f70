import { holdsUntil } from '../lists/lifetime.ts';
import { userLists } from '../lists/list-maker.ts';
import type { MadeList } from '../lists/list-maker.ts';
import type { ListSources } from '../lists/list-sources.ts';
import type { UserState } from '../ranking/history.ts';
import type { BatchList } from '../state/batch-list.ts';
import { readOneUser } from '../state/to-list.ts';
import type { AnswerContext } from './context.ts';
import { firstOf } from './likeness.ts';
import type { ServedList } from './served-list.ts';
import { keptLength, isPlain, served, wishOf } from './wanted.ts';
import type { Wanted } from './wanted.ts';

/** What came of the attempt. */
export interface Computed {
  /** Null where it can't be made, or nothing is known of the user. */
  readonly list: ServedList | null;
  /** What the nightly run made for who has no profile; undefined where it wasn't asked for. */
  readonly batch?: BatchList | null;
}

const NOT_MADE: Computed = { list: null };

/**
 * The user's list, made now from their history and the model in memory, and kept for the next read where it
 * is the surface's as it is.
 */
export async function computeList(
  context: AnswerContext,
  sources: ListSources,
  wanted: Wanted,
): Promise<Computed> {
  const { query, surface, said } = wanted;
  if (sources.rankers === null) {
    said.say('similarity', 'no_model');
    return NOT_MADE;
  }
  const now = context.now();
  const wantsShown = surface.impressionDiscount !== 1;
  const asked = await context.postgresGuard.ask(() =>
    readOneUser(context.options.state.pool, query.userId, { wantsShown, now }),
  );
  if (asked.kind === 'failed') {
    said.say('similarity', asked.why);
    return NOT_MADE;
  }
  const { user, shown, batch } = asked.value;
  if (user === null) {
    said.say('similarity', 'no_profile');
    return { list: null, batch };
  }
  const lists = userLists(sources, user, now);
  const first = await firstOf(context, sources, lists.personal, user.history);
  if (!lists.personal && first === null) {
    said.say('similarity', 'no_history');
    return NOT_MADE;
  }
  said.say('similarity', 'used');
  const plain = isPlain(wanted);
  const made = lists.make({
    ...wishOf(wanted),
    first,
    length: plain ? keptLength(surface) : wanted.length,
    shown,
  });
  if (plain) keep(context, sources, wanted, user, made);
  return {
    list: served(context, wanted, sources, 'similarity', made, user.profileVersion),
  };
}

/** For the next read. Nobody waits for it, and nobody minds when it can't be kept. */
function keep(
  { options, cacheGuard, storeGuard, now }: AnswerContext,
  { rankers, generation }: ListSources,
  { query, surface }: Wanted,
  user: UserState,
  made: MadeList,
): void {
  const { cache } = options;
  if (cache === null || rankers === null || cacheGuard.isOpen()) return;
  const list = {
    userId: query.userId,
    surface: surface.name,
    surfaceVersion: surface.version,
    arm: null,
    modelVersion: rankers.items.version,
    generation,
    profileVersion: user.profileVersion,
    madeAt: now(),
    holdsUntil: holdsUntil(now(), user.history.at(-1)?.lastAt ?? null),
    algorithm: made.algorithm,
    length: surface.limit,
    items: made.items,
    pool: made.pool,
  };
  void storeGuard.ask(() => cache.put(list));
}
