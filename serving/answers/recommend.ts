import { createRandom } from '../../common/random.ts';
import { randomBytes } from 'node:crypto';
import type { Random } from '../../common/random.ts';
import { holdsUntil } from '../lists/hold.ts';
import { userLists } from '../lists/list-maker.ts';
import type { MadeList } from '../lists/list-maker.ts';
import type { ListSources } from '../lists/list-sources.ts';
import { parseStored } from '../lists/parse-items.ts';
import type { StoredList } from '../lists/stored-list.ts';
import type { UserState } from '../ranking/history.ts';
import type { Surface } from '../ranking/surface.ts';
import { readUsers } from '../state/users.ts';
import { findCached } from './cached-list.ts';
import type { AnswerContext } from './context.ts';
import { explored } from './explored.ts';
import { batchList } from './batch-list.ts';
import { earlierPages, NO_PAGES } from './pages.ts';
import type { ListQuery } from './recommender.ts';
import { createSaid } from './said.ts';
import type { Said } from './said.ts';
import type { ServedList } from './served-list.ts';

/** A request's list, asked for once its surface and what it wants are known. */
interface Wanted {
  readonly query: ListQuery;
  readonly surface: Surface;
  readonly length: number;
  readonly firstPosition: number;
  readonly exclude: readonly number[];
  readonly said: Said;
}

/** So many movies are kept of a list in Redis. */
const KEPT_LENGTH = 50;

const random: Random = createRandom(randomBytes(4).readUInt32LE());

/**
 * The user's list: from Redis, or made now, or of the nightly run, or what is popular. Each step that
 * doesn't give it says why; the last one always does.
 */
export async function recommend(context: AnswerContext, query: ListQuery): Promise<ServedList> {
  const surface = context.surface(query.surface);
  const sources = context.sources();
  const pages =
    query.after === null ? NO_PAGES : await earlierPages(context, query.userId, query.after);
  const wanted: Wanted = {
    query,
    surface,
    length: query.limit ?? surface.limit,
    firstPosition: pages.nextPosition,
    exclude: [...query.filter.exclude, ...pages.shown],
    said: createSaid(),
  };
  if (!query.personalize) {
    wanted.said.say('cache', 'not_personal');
    wanted.said.say('similarity', 'not_personal');
    wanted.said.say('batch', 'not_personal');
    return popular(context, sources, wanted);
  }
  return personal(context, sources, wanted);
}

async function personal(
  context: AnswerContext,
  sources: ListSources,
  wanted: Wanted,
): Promise<ServedList> {
  const { query, surface, said } = wanted;
  const plain = isPlain(wanted);
  if (!plain) said.say('cache', 'filtered');
  const { fresh, stale } = plain
    ? await findCached(context, sources, query.userId, surface, said)
    : { fresh: null, stale: null };
  if (fresh !== null) return fromStored(wanted, sources, fresh, 'used');
  const computed = await compute(context, sources, wanted, plain);
  if (computed !== null) return computed;
  if (stale !== null) return fromStored(wanted, sources, stale, 'stale');
  const batch = await fromBatch(context, sources, wanted);
  return batch ?? popular(context, sources, wanted);
}

/** What is kept in Redis is the surface's list as it is, from its first item. */
function isPlain({ query, surface, length, exclude }: Wanted): boolean {
  const { filter, seen, after } = query;
  return (
    after === null &&
    exclude.length === 0 &&
    filter.genres.length === 0 &&
    filter.yearFrom === null &&
    filter.yearTo === null &&
    (seen === null || seen === surface.seen) &&
    length <= Math.max(KEPT_LENGTH, surface.limit)
  );
}

function fromStored(
  wanted: Wanted,
  { rankers }: ListSources,
  stored: StoredList,
  word: 'used' | 'stale',
): ServedList {
  const { query, surface, said, length } = wanted;
  said.say('cache', word);
  const { algorithm, items } = parseStored(stored);
  // What a surface may explore stands behind the list.
  const kept = Math.max(KEPT_LENGTH, surface.limit);
  const shown = explored(items.slice(0, length), items.slice(kept), surface, 1, random);
  return {
    userId: query.userId,
    surface,
    source: 'cache',
    algorithm,
    modelVersion: rankers?.items.version ?? null,
    profileVersion: stored.profileVersion,
    madeAt: stored.madeAt,
    items: shown,
    firstPosition: 1,
    afterRequestId: null,
    steps: said.all,
    rows: null,
  };
}

/** Null where it can't be made now, or nothing is known of the user. */
async function compute(
  context: AnswerContext,
  sources: ListSources,
  wanted: Wanted,
  plain: boolean,
): Promise<ServedList | null> {
  const { query, surface, said } = wanted;
  const { rankers } = sources;
  if (rankers === null) {
    said.say('similarity', 'no_model');
    return null;
  }
  const asked = await context.postgresGuard.ask(() =>
    readUsers(context.options.state.pool, [query.userId]),
  );
  if (asked.kind === 'failed') {
    said.say('similarity', asked.why);
    return null;
  }
  const user = asked.value.get(query.userId);
  if (user === undefined) {
    said.say('similarity', 'no_profile');
    return null;
  }
  const lists = userLists(sources, user, context.now());
  if (!lists.personal) {
    said.say('similarity', 'no_history');
    return null;
  }
  said.say('similarity', 'used');
  if (plain) keep(context, sources, surface, query.userId, user, lists.make(wishOf(wanted, true)));
  return served(
    wanted,
    sources,
    'similarity',
    lists.make(wishOf(wanted, false)),
    user.profileVersion,
  );
}

function wishOf(
  { query, surface, length, exclude, firstPosition }: Wanted,
  toKeep: boolean,
): Parameters<ReturnType<typeof userLists>['make']>[0] {
  return {
    surface,
    length: toKeep ? Math.max(KEPT_LENGTH, surface.limit) : length,
    filter: { ...query.filter, exclude },
    seenPolicy: query.seen,
    firstPosition,
    shown: NOTHING_SHOWN,
  };
}

const NOTHING_SHOWN: ReadonlyMap<number, number> = new Map();

/** For the next read. Nobody waits for it, and nobody minds when it can't be kept. */
function keep(
  { options, cacheGuard, now }: AnswerContext,
  { rankers, generation }: ListSources,
  surface: Surface,
  userId: string,
  user: UserState,
  made: MadeList,
): void {
  const { cache } = options;
  if (cache === null || rankers === null || cacheGuard.open) return;
  const list = {
    userId,
    surface: surface.name,
    surfaceVersion: surface.version,
    arm: null,
    modelVersion: rankers.items.version,
    generation,
    profileVersion: user.profileVersion,
    madeAt: now(),
    holdsUntil: holdsUntil(now(), user.history.at(-1)?.lastAt ?? null),
    algorithm: made.algorithm,
    items: [...made.items, ...made.pool],
  };
  void cacheGuard.ask(() => cache.put(list, Buffer.alloc(0)));
}

async function fromBatch(
  context: AnswerContext,
  sources: ListSources,
  wanted: Wanted,
): Promise<ServedList | null> {
  const { query, said } = wanted;
  const asked = await context.postgresGuard.ask(() =>
    batchList(context.options.state.pool, query.userId),
  );
  if (asked.kind === 'failed') {
    said.say('batch', asked.why);
    return null;
  }
  if (asked.value === null) {
    said.say('batch', 'no_list');
    return null;
  }
  said.say('batch', 'used');
  const { modelVersion, items } = asked.value;
  const made = userLists(sources, null, context.now()).make({
    ...wishOf(wanted, false),
    first: items,
  });
  const list = served(wanted, sources, 'batch', made, 0);
  return { ...list, algorithm: 'batch', modelVersion };
}

function popular(context: AnswerContext, sources: ListSources, wanted: Wanted): ServedList {
  wanted.said.say('popular', 'used');
  const made = userLists(sources, null, context.now()).make(wishOf(wanted, false));
  return { ...served(wanted, sources, 'popular', made, 0), modelVersion: null };
}

function served(
  { query, surface, firstPosition, said }: Wanted,
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
    items: explored(items, pool, surface, firstPosition, random),
    firstPosition,
    afterRequestId: query.after,
    steps: said.all,
    rows: null,
  };
}
