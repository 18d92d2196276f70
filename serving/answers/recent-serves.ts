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
const SERVES_MAX = 2_500;

/** Known are the last SERVES_MAX at least, and twice as many at most: old ones are dropped all at once. */
export function createRecentServes(): RecentServes {
  let latest = new Map<string, RecentServe>();
  let before = latest;
  return {
    get: (requestId) => latest.get(requestId) ?? before.get(requestId) ?? null,
    add(requestId, serve) {
      if (latest.size >= SERVES_MAX) {
        before = latest;
        latest = new Map();
      }
      latest.set(requestId, serve);
    },
  };
}
