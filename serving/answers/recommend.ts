import { userLists } from '../lists/list-maker.ts';
import type { ListSources } from '../lists/list-sources.ts';
import type { StoredList } from '../lists/stored-list.ts';
import { readBatchList } from '../state/batch-list.ts';
import type { BatchList } from '../state/batch-list.ts';
import { cacheKey, isAsStored, judgeFound, NOTHING_FOUND } from './cached-list.ts';
import { computeList } from './computed-list.ts';
import type { Computed } from './computed-list.ts';
import type { AnswerContext } from './context.ts';
import { explored } from './explored.ts';
import { earlierPages, NO_PAGES } from './pages.ts';
import type { LookUp } from './lookups.ts';
import type { ListQuery } from './recommender.ts';
import { createSaid } from './said.ts';
import type { ServedList } from './served-list.ts';
import { isPlain, served, wishOf } from './wanted.ts';
import type { Wanted } from './wanted.ts';

/** A list of Redis that is sent as it stands. */
export interface Hit {
  readonly stored: StoredList;
  /** The same, parsed: for who does more with it. Once, since it says its step. */
  list(): ServedList;
}

/**
 * The user's list: from Redis, or made now, or of the nightly run, or what is popular. Each step that
 * doesn't give it says why; the last one always does.
 */
export async function recommend(
  context: AnswerContext,
  query: ListQuery,
): Promise<ServedList | Hit> {
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
  if (query.personalize) return personal(context, sources, wanted);
  for (const step of ['cache', 'similarity', 'batch'] as const)
    wanted.said.say(step, 'not_personal');
  return popular(context, sources, wanted);
}

async function personal(
  context: AnswerContext,
  sources: ListSources,
  wanted: Wanted,
): Promise<ServedList | Hit> {
  const asked = lookUp(context, wanted);
  const { fresh, stale } =
    asked === null ? NOTHING_FOUND : judgeFound(context, sources, wanted, await asked);
  if (fresh !== null && isAsStored(wanted, fresh))
    return { stored: fresh, list: () => fromStored(context, wanted, sources, fresh, 'used') };
  if (fresh !== null) return fromStored(context, wanted, sources, fresh, 'used');
  const computed = await computeList(context, sources, wanted);
  if (computed.list !== null) return computed.list;
  if (stale !== null) return fromStored(context, wanted, sources, stale, 'stale');
  return (await fromBatch(context, sources, wanted, computed)) ?? popular(context, sources, wanted);
}

/** Null where the cache isn't asked, which is said. */
function lookUp(context: AnswerContext, wanted: Wanted): ReturnType<LookUp> | null {
  const { query, surface, said } = wanted;
  if (!isPlain(wanted)) {
    said.say('cache', 'filtered');
    return null;
  }
  if (context.lookUp !== null) return context.lookUp(cacheKey(query.userId, surface));
  said.say('cache', 'absent');
  return null;
}

function fromStored(
  { random }: AnswerContext,
  wanted: Wanted,
  { rankers }: ListSources,
  stored: StoredList,
  word: 'used' | 'stale',
): ServedList {
  const { query, surface, said, length } = wanted;
  said.say('cache', word);
  const all = Array.from({ length: stored.all }, (_, i) => stored.item(i));
  const pool = all.slice(stored.count);
  return {
    userId: query.userId,
    surface,
    source: 'cache',
    algorithm: stored.algorithm,
    modelVersion: rankers?.items.version ?? null,
    profileVersion: stored.profileVersion,
    madeAt: stored.madeAt,
    items: explored(all.slice(0, Math.min(length, stored.count)), pool, surface, 1, random),
    firstPosition: 1,
    afterRequestId: null,
    steps: said.all,
    rows: null,
  };
}

async function fromBatch(
  context: AnswerContext,
  sources: ListSources,
  wanted: Wanted,
  computed: Computed,
): Promise<ServedList | null> {
  const { said } = wanted;
  const batch = await askForBatch(context, wanted, computed);
  if (batch === 'failed') return null;
  if (batch === null) {
    said.say('batch', 'no_list');
    return null;
  }
  said.say('batch', 'used');
  const { modelVersion, items } = batch;
  const reason = { kind: 'ranked_for_you' } as const;
  const first = { algorithm: 'batch', reason, candidates: items } as const;
  const lists = userLists(sources, null, context.now());
  const made = lists.make({ ...wishOf(wanted), first });
  const list = served(context, wanted, sources, 'batch', made, 0);
  return { ...list, modelVersion };
}

/** It may have come with the question before. */
async function askForBatch(
  context: AnswerContext,
  { query, said }: Wanted,
  { batch }: Computed,
): Promise<BatchList | null | 'failed'> {
  if (batch !== undefined) return batch;
  const asked = await context.postgresGuard.ask(() =>
    readBatchList(context.options.state.pool, query.userId),
  );
  if (asked.kind === 'got') return asked.value;
  said.say('batch', asked.why);
  return 'failed';
}

function popular(context: AnswerContext, sources: ListSources, wanted: Wanted): ServedList {
  wanted.said.say('popular', 'used');
  const made = userLists(sources, null, context.now()).make(wishOf(wanted));
  return { ...served(context, wanted, sources, 'popular', made, 0), modelVersion: null };
}
