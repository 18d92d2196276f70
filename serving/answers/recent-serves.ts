import type { ServedList } from './served-list.ts';

/** A served list and when, for the next page and for who asks why. */
export interface RecentServe {
  readonly servedAt: number;
  list(): ServedList;
}

/** The last lists that this process served, by request. Older ones are in recommendation_logs. */
export interface RecentServes {
  get(requestId: string): RecentServe | null;
  add(requestId: string, serve: RecentServe): void;
}

/** Some kilobytes each; it takes the log a second or two to have them. */
const SERVES_MAX = 5_000;

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
