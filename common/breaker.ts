/**
 * Keeps away from something that fails: after so many failures in a row nothing is tried for a while,
 * then one try alone decides whether it is back. Who is not let through goes on without it at once.
 */
export interface Breaker {
  /** Whether to try now. Whoever is let through says how it ended. */
  allows(): boolean;
  succeeded(): void;
  failed(): void;
  isOpen(): boolean;
}

export interface BreakerOptions {
  readonly failuresMax: number;
  readonly restMs: number;
  readonly now?: () => number;
}

export function createBreaker({ failuresMax, restMs, now = Date.now }: BreakerOptions): Breaker {
  let failures = 0;
  let nextTryAt = 0;
  return {
    allows() {
      if (failures < failuresMax) return true;
      if (now() < nextTryAt) return false;
      // This one tries; the others wait another while.
      nextTryAt = now() + restMs;
      return true;
    },
    succeeded() {
      failures = 0;
    },
    failed() {
      failures++;
      if (failures >= failuresMax) nextTryAt = now() + restMs;
    },
    isOpen() {
      return failures >= failuresMax;
    },
  };
}
