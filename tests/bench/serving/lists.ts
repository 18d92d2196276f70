import type { Redis } from 'ioredis';
import { createListCache } from '../../../serving/cache/list-cache.ts';
import { HOUR_MS } from '../../../common/time.ts';
import type { RecommendationList } from '../../../serving/lists/list.ts';
import { builtInSurfaces } from '../../../serving/surfaces/read-surfaces.ts';
import { historyLength, MODEL_VERSION, userAt } from './world.ts';

/** Movies kept of a list, and those that are served of it. */
const KEPT = 50;
const CHUNK = 500;

/** A list as the processor keeps it: what is measured is its bytes, not its movies. */
function listOf(index: number, movies: number): RecommendationList {
  const surface = builtInSurfaces().default;
  const movie = (i: number): number => 1 + ((index * 7919 + i * 104729) % movies);
  return {
    userId: userAt(index),
    surface: surface.name,
    surfaceVersion: surface.version,
    arm: null,
    modelVersion: MODEL_VERSION,
    generation: 1,
    profileVersion: historyLength(index),
    madeAt: Date.now(),
    holdsUntil: Date.now() + HOUR_MS,
    algorithm: 'item_item',
    length: surface.limit,
    items: Array.from({ length: KEPT }, (_, i) => ({
      movieId: movie(i),
      score: 8 / (i + 2),
      propensity: 1,
      reason: { kind: 'because_you', movieId: movie(KEPT + (i % 7)) },
    })),
    pool: [],
  };
}

/** A list of each user in Redis, for an hour. */
export async function putLists(redis: Redis, users: number, movies: number): Promise<void> {
  const cache = createListCache(redis);
  for (let at = 0; at < users; at += CHUNK)
    await Promise.all(
      Array.from({ length: Math.min(CHUNK, users - at) }, (_, i) =>
        cache.put(listOf(at + i, movies)),
      ),
    );
}

/** What the bare server reads for a path: the very bytes that were answered to it once. */
export const bareKey = (path: string): string => `bare:${path}`;

export async function putBodies(
  redis: Redis,
  paths: readonly string[],
  body: Buffer,
): Promise<void> {
  for (let at = 0; at < paths.length; at += CHUNK) {
    const pipeline = redis.pipeline();
    for (const path of paths.slice(at, at + CHUNK)) pipeline.set(bareKey(path), body);
    await pipeline.exec();
  }
}
