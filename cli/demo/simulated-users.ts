import { pause } from '../../common/backoff.ts';
import { createRandom } from '../../common/random.ts';
import type { Producer } from '../../sdk/src/producer.ts';
import type { ApiClient, ApiList } from './api-client.ts';

export interface TrafficCounts {
  readonly lists: number;
  readonly fromCache: number;
  readonly clicks: number;
  readonly failed: number;
}

export interface Traffic {
  /** Resolves when the request under way is over. */
  stop(): Promise<TrafficCounts>;
}

interface Options {
  readonly client: ApiClient;
  readonly producer: Producer;
  readonly users: readonly string[];
  readonly signal: AbortSignal;
}

const REQUESTS_PER_SECOND = 10;
const LENGTH = 10;
/** Of two neighbours in a list the first is looked at so much more often. */
const PATIENCE = 0.8;
const CLICK = 0.35;
const WATCH = 0.5;

/**
 * Users who ask for lists and do what their taste says: each has two genres of their own, looks down the
 * list until their patience ends, clicks what fits, and watches and rates some of it.
 */
export function simulateUsers(
  { client, producer, users, signal }: Options,
  seen: (counts: TrafficCounts) => void,
): Traffic {
  const random = createRandom(1, 'simulated users');
  const counts = { lists: 0, fromCache: 0, clicks: 0, failed: 0 };
  const tastes = new Map<string, ReadonlySet<string>>();
  const stopping = new AbortController();
  const over = AbortSignal.any([signal, stopping.signal]);

  function look(userId: string, list: ApiList): void {
    const genres = list.items.flatMap((item) => item.genres ?? []);
    const taste =
      tastes.get(userId) ?? new Set([0, 1].map(() => genres[random.below(genres.length)] ?? ''));
    tastes.set(userId, taste);
    for (const { movie_id: movieId, position, genres: own = [] } of list.items) {
      const about = { userId, movieId, position, requestId: list.request_id };
      producer.impression(about);
      if (own.some((genre) => taste.has(genre)) && random.next() < CLICK) {
        producer.click(about);
        counts.clicks++;
        if (random.next() < WATCH) {
          producer.play(about);
          producer.complete(about);
          producer.rate({ ...about, value: 4 + 0.5 * random.below(3) });
        }
      }
      if (random.next() > PATIENCE) return;
    }
  }

  async function run(): Promise<void> {
    while (!over.aborted && users.length > 0) {
      const userId = users[random.below(users.length)] ?? '';
      try {
        const list = await client.list(userId, `?limit=${LENGTH}&include=genres`);
        counts.lists++;
        if (list.source === 'cache') counts.fromCache++;
        look(userId, list);
      } catch {
        counts.failed++;
      }
      seen(counts);
      await pause(1000 / REQUESTS_PER_SECOND, over);
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
      return counts;
    },
  };
}
