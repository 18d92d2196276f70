import { holdsUntil } from '../lists/hold.ts';
import { userLists } from '../lists/list-maker.ts';
import type { MadeList } from '../lists/list-maker.ts';
import type { ListSources } from '../lists/list-sources.ts';
import type { UserState } from '../ranking/history.ts';
import { readShown } from '../state/shown.ts';
import { readUsers } from '../state/users.ts';
import type { AnswerContext } from './context.ts';
import { firstOf } from './likeness.ts';
import type { ServedList } from './served-list.ts';
import { keptLength, isPlain, NOTHING_SHOWN, served, wishOf } from './wanted.ts';
import type { Wanted } from './wanted.ts';

/**
 * The user's list, made now from their history and the model in memory, and kept for the next read where it
 * is the surface's as it is. Null where it can't be made, or nothing is known of the user.
 */
export async function computeList(
  context: AnswerContext,
  sources: ListSources,
  wanted: Wanted,
): Promise<ServedList | null> {
  const { query, surface, said } = wanted;
  if (sources.rankers === null) {
    said.say('similarity', 'no_model');
    return null;
  }
  const { pool } = context.options.state;
  const now = context.now();
  const asked = await context.postgresGuard.ask(() =>
    Promise.all([
      readUsers(pool, [query.userId]),
      surface.impressionDiscount === 1 ? null : readShown(pool, [query.userId], now),
    ]),
  );
  if (asked.kind === 'failed') {
    said.say('similarity', asked.why);
    return null;
  }
  const [users, shown] = asked.value;
  const user = users.get(query.userId);
  if (user === undefined) {
    said.say('similarity', 'no_profile');
    return null;
  }
  const lists = userLists(sources, user, now);
  const first = await firstOf(context, sources, lists.personal, user.history);
  if (!lists.personal && first === null) {
    said.say('similarity', 'no_history');
    return null;
  }
  said.say('similarity', 'used');
  const plain = isPlain(wanted);
  const made = lists.make({
    ...wishOf(wanted),
    first,
    length: plain ? keptLength(surface) : wanted.length,
    shown: shown?.get(query.userId) ?? NOTHING_SHOWN,
  });
  if (plain) keep(context, sources, wanted, user, made);
  return served(context, wanted, sources, 'similarity', made, user.profileVersion);
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
