import type { Redis } from 'ioredis';
import { toRedisError } from '../../connectors/redis/client.ts';
import { dropValue } from '../../connectors/redis/drop-value.ts';
import { putNewer } from '../../connectors/redis/put-newer.ts';
import { LIST_TTL_MS } from '../lists/lifetime.ts';
import type { ListIdentity, RecommendationList } from '../lists/list.ts';
import { encodeServedList } from '../../schemas/serve-parts.ts';
import { servedListPart } from '../lists/serve-fields.ts';
import { encodeStoredList } from '../lists/stored-list.ts';
import type { LoggedPart } from '../lists/stored-list.ts';

/** Lists in Redis, one a user, surface and arm. What comes out is anybody's bytes until it is read. */
export interface ListCache {
  /** For each key its value, null where there is none. Rejects with MARQUEE_REDIS_UNAVAILABLE. */
  getAll(keys: readonly ListKey[]): Promise<readonly (Buffer | null)[]>;
  /** For each key whether something is there. */
  existing(keys: readonly ListKey[]): Promise<readonly boolean[]>;
  /** Removes what stands there, if it is still this. */
  drop(key: ListKey, value: Buffer): Promise<void>;
  /** False when a newer list is there, which stays. */
  put(list: RecommendationList): Promise<boolean>;
}

export type ListKey = Pick<ListIdentity, 'userId' | 'surface' | 'arm'>;

export function createListCache(redis: Redis): ListCache {
  return {
    async getAll(keys) {
      try {
        // A hash or a list under our key, which somebody else put there, is null too.
        return await redis.mgetBuffer(keys.map(redisKey));
      } catch (error) {
        throw toRedisError(error, 'reading lists');
      }
    },
    async existing(keys) {
      try {
        return await Promise.all(
          keys.map(async (key) => (await redis.exists(redisKey(key))) === 1),
        );
      } catch (error) {
        throw toRedisError(error, 'looking for lists');
      }
    },
    drop: (key, value) => dropValue(redis, redisKey(key), value),
    put: (list) =>
      putNewer(redis, redisKey(list), encodeStoredList(list, loggedPart(list)), LIST_TTL_MS),
  };
}

/** What the log of a serve says of the list as it is served when the request doesn't say how long. */
function loggedPart(list: RecommendationList): LoggedPart {
  const items = list.items.slice(0, list.length);
  return { items: items.length, bytes: encodeServedList(servedListPart(list, items)) };
}

/** Surfaces and arms have no colon in their names; whatever the user's name holds comes last. */
export function redisKey({ userId, surface, arm }: ListKey): string {
  return `marquee:list:${surface}:${arm ?? ''}:${userId}`;
}
