import { setImmediate as nextTick } from 'node:timers/promises';
import { MarqueeError } from '../../common/error.ts';
import { connected, createRedis } from '../../connectors/redis/client.ts';
import { assertEvicting } from '../../connectors/redis/eviction.ts';
import { openSession } from '../../connectors/postgres/session.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { ProfileChange } from '../../schemas/generated/types.ts';
import { createListCache } from '../../serving/cache/list-cache.ts';
import type { RecommendationList } from '../../serving/lists/list.ts';
import type { ListSources } from '../../serving/lists/list-sources.ts';
import { createServingState } from '../../serving/state/serving-state.ts';
import { alike } from '../../serving/state/alike.ts';
import { readUsersToList } from '../../serving/state/to-list.ts';
import { watchSurfaces } from '../../serving/surfaces/watch-surfaces.ts';
import type { Surface } from '../../serving/ranking/surface.ts';
import type { Store, StoreOptions } from '../runtime/processor.ts';
import { changedUsers, hasNeighbours, listsOf } from './core.ts';
import { createVectorKeeper } from './vector-keeper.ts';

const REDIS_TIMEOUT_MS = 2_000;
const READY_MS = 10_000;
/** Users whose histories are in memory at once, and whose lists are under way to Redis. */
const CHUNK = 64;

export function createRecommendationsStore(
  options: StoreOptions<ProfileChange> = {},
): Store<ProfileChange> {
  const { resources } = options;
  let opened: Promise<Working> | null = null;
  const working = (): Promise<Working> => {
    opened ??= openWorking(resources).catch((error: unknown) => {
      opened = null;
      throw error;
    });
    return opened;
  };

  return {
    // Lists need no transaction: one that is written and whose batch is not committed is right all the same.
    async prepare(session, events) {
      if (events.length > 0) await (await working()).update(session, changedUsers(events));
    },
    async apply(_session, _batch, sent) {
      await sent('half');
      await sent('all');
      return [];
    },
    async close() {
      await (await opened?.catch(() => null))?.close();
    },
  };
}

interface Working {
  /** Writes the users' lists. */
  update(session: Session, userIds: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

async function openWorking(resources: StoreOptions<ProfileChange>['resources']): Promise<Working> {
  const { redisUrl, surfacesFile, stateFolder } = resources ?? {};
  if (resources === undefined || !redisUrl || !surfacesFile || !stateFolder)
    throw new MarqueeError('MARQUEE_BUG', 'recommendations: it was not said where it runs');
  const { postgresUrl, log, registry } = resources;
  const redis = createRedis({
    url: redisUrl,
    name: 'marquee-recommendations',
    commandTimeoutMs: REDIS_TIMEOUT_MS,
    gathers: true,
  });
  // Each new connection may be to another server, or to one that was set up anew.
  let isCache = false;
  redis.on('close', () => {
    isCache = false;
  });
  const assertCache = async (): Promise<void> => {
    if (isCache) return;
    await assertEvicting(redis);
    isCache = true;
  };
  try {
    await connected(redis, REDIS_TIMEOUT_MS);
    await assertCache();
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  const cache = createListCache(redis);
  const state = createServingState({
    postgresUrl,
    applicationName: 'marquee-recommendations',
    connectionsMax: 2,
    queryTimeoutMs: 30_000,
    folder: null,
    log,
  });
  await state.ready(READY_MS);
  const vectors = createVectorKeeper({
    openSession: () =>
      openSession({ url: postgresUrl, applicationName: 'marquee-recommendations' }),
    sources: state.sources,
    log,
  });
  const watch = await watchSurfaces({
    file: surfacesFile,
    stateFolder,
    log,
    registry,
    onChange: () => undefined,
  });

  /** The default surface's list is always made; another's while somebody has asked for it lately. */
  async function wantedSurfaces(userIds: readonly string[]): Promise<readonly Surface[][]> {
    const surfaces = watch.current();
    const others = [...surfaces.byName.values()].filter((surface) => surface !== surfaces.default);
    const keys = userIds.flatMap((userId) =>
      others.map((surface) => ({ userId, surface: surface.name, arm: null })),
    );
    const found = await cache.existing(keys);
    return userIds.map((_, user) => [
      surfaces.default,
      ...others.filter((__, i) => found[user * others.length + i] === true),
    ]);
  }

  /** What the lists of these users are made from. */
  async function read(session: Session, userIds: readonly string[]) {
    const now = Date.now();
    const [wanted, users] = await Promise.all([
      wantedSurfaces(userIds),
      readUsersToList(session, userIds, now),
    ]);
    return { now, userIds, wanted, users };
  }

  async function makeLists({ now, userIds, wanted, users }: Awaited<ReturnType<typeof read>>) {
    const sources = sourcesOf(state);
    // Stored when all are made: a failure that comes while another list waits would be nobody's.
    const made: RecommendationList[] = [];
    const { rankers } = sources;
    for (const [i, userId] of userIds.entries()) {
      const found = users.get(userId);
      if (found === undefined || rankers === null) continue;
      const { user } = found;
      const first = hasNeighbours(rankers, user.history)
        ? null
        : await alike(rankers, state.nearest(), user.history);
      const whom = { ...found, userId, first, surfaces: wanted[i] ?? [] };
      made.push(...listsOf(sources, whom, now));
    }
    await Promise.all(made.map(cache.put));
  }

  return {
    async update(session, userIds) {
      await assertCache();
      const chunks: string[][] = [];
      for (let at = 0; at < userIds.length; at += CHUNK) chunks.push(userIds.slice(at, at + CHUNK));
      const [first = [], ...others] = chunks;
      let found = await read(session, first);
      for (const following of others) {
        // While lists are made, Postgres looks for the next ones.
        const next = read(session, following);
        next.catch(() => undefined);
        await nextTick();
        await makeLists(found);
        found = await next;
      }
      await makeLists(found);
      vectors.changed(userIds);
    },
    async close() {
      await watch.close();
      await vectors.close();
      await state.close();
      redis.disconnect();
    },
  };
}

function sourcesOf(state: { sources(): ListSources | null }): ListSources {
  const sources = state.sources();
  if (sources !== null) return sources;
  throw new MarqueeError(
    'MARQUEE_SERVING_STATE_MISSING',
    'the catalogue could not be read yet; it is tried again by itself. Is Postgres up?',
    { retriable: true },
  );
}
