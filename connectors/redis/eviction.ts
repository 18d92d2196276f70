import type { Redis } from 'ioredis';
import { MarqueeError } from '../../common/error.ts';
import { toRedisError } from './client.ts';

/** Both evict what was used least among what may go: our lists all expire. */
const EVICTING = new Set(['allkeys-lru', 'volatile-lru']);

/**
 * Throws MARQUEE_REDIS_NOT_A_CACHE when the server would fill up and refuse writes, or evict what was
 * just used: it must have maxmemory and evict the least recently used. Retriable: a setting is changed while
 * the server runs.
 */
export async function assertEvicting(client: Redis): Promise<void> {
  let memory: string;
  try {
    memory = await client.info('memory');
  } catch (error) {
    throw toRedisError(error, 'INFO memory');
  }
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? 'unknown';
  const max = Number(/^maxmemory:(\d+)/m.exec(memory)?.[1] ?? 0);
  const faults = [
    ...(max > 0 ? [] : ['maxmemory is 0, no bound']),
    ...(EVICTING.has(policy)
      ? []
      : [`maxmemory-policy is ${policy}, not ${[...EVICTING].join(' or ')}`]),
  ];
  if (faults.length === 0) return;
  throw new MarqueeError(
    'MARQUEE_REDIS_NOT_A_CACHE',
    `The Redis server is not set up as a cache: ${faults.join('; ')}. ` +
      'To do: CONFIG SET maxmemory 1gb, CONFIG SET maxmemory-policy allkeys-lru.',
    { retriable: true },
  );
}
