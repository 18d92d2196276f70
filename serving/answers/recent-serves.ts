import type { ServedList } from './served-list.ts';

/** A served list and when, for the next page and for who asks why. */
export interface RecentServe {
  readonly servedAt: number;
  readonly list: ServedList;
}

/** The last lists that this process served, by request. Older ones are in recommendation_logs. */
export interface RecentServes {
  get(requestId: string): RecentServe | null;
  add(requestId: string, serve: RecentServe): void;
}

/** About a kilobyte each; it takes the log less than a second to have them. */
const SERVES_MAX = 20_000;

export function createRecentServes(): RecentServes {
  const serves = new Map<string, RecentServe>();
  return {
    get: (requestId) => serves.get(requestId) ?? null,
    add(requestId, serve) {
      serves.set(requestId, serve);
      if (serves.size <= SERVES_MAX) return;
      for (const oldest of serves.keys()) {
        serves.delete(oldest);
        break;
      }
    },
  };
}
