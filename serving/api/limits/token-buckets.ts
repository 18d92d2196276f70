export interface TokenBuckets {
  /** Takes a token; 0, or the milliseconds until there is one. */
  take(id: string, perSecond: number, nowMs: number): number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * One bucket for each id: it holds what a second brings, so that a burst of so many is well and more
 * than that a second is not. Ids are those of known keys, so there are not many.
 */
export function createTokenBuckets(): TokenBuckets {
  const buckets = new Map<string, Bucket>();
  return {
    take(id, perSecond, nowMs) {
      let bucket = buckets.get(id);
      if (bucket === undefined) {
        bucket = { tokens: perSecond, atMs: nowMs };
        buckets.set(id, bucket);
      }
      const elapsedMs = Math.max(0, nowMs - bucket.atMs);
      bucket.tokens = Math.min(perSecond, bucket.tokens + (elapsedMs * perSecond) / 1_000);
      bucket.atMs = nowMs;
      if (bucket.tokens < 1) return ((1 - bucket.tokens) * 1_000) / perSecond;
      bucket.tokens -= 1;
      return 0;
    },
  };
}
