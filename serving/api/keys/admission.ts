import { ApiProblem } from '../http/problem.ts';
import { createTokenBuckets } from '../limits/token-buckets.ts';
import type { ApiKey, Scope } from './api-key.ts';
import { authorise, recognise, requireScope } from './authorise.ts';
import type { KeyRing } from './key-ring.ts';

/** Who calls, whether they may, and whether they are too fast. Each throws an ApiProblem. */
export interface Admission {
  header(authorization: string | undefined, scope: Scope): ApiKey;
  /** A key that stands in a body: anybody can read it there, so it may do no more than emit. */
  body(text: string | null): ApiKey;
}

/** One key has as many headers as there are ways to write Bearer. */
const KNOWN_MAX = 1_000;

export function createAdmission(
  ring: KeyRing,
  requestsPerSecond: number,
  limited: (key: ApiKey) => void,
): Admission {
  const buckets = createTokenBuckets();

  function take(key: ApiKey): ApiKey {
    const rate = key.requestsPerSecond ?? requestsPerSecond;
    const waitMs = buckets.take(key.keyId, rate, performance.now());
    if (waitMs === 0) return key;
    limited(key);
    const seconds = Math.ceil(waitMs / 1_000);
    throw new ApiProblem('rate_limited', `the key may make ${rate} requests a second`, {
      retryAfterSeconds: seconds,
      // draft-ietf-httpapi-ratelimit-headers
      headers: {
        'ratelimit-policy': `"key";q=${rate};w=1`,
        ratelimit: `"key";r=0;t=${seconds}`,
      },
    });
  }

  /** Headers whose key was found right, so that its hash isn't made for each request. */
  const known = new Map<string, ApiKey>();

  /** A key that was changed or withdrawn is another object of the ring: then it is looked at again. */
  function recall(authorization: string | undefined, scope: Scope): ApiKey {
    const before = authorization === undefined ? undefined : known.get(authorization);
    if (before !== undefined && ring.isKnown() && ring.find(before.keyId) === before)
      return requireScope(before, scope);
    const key = authorise(ring, authorization, scope);
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(authorization as string, key);
    return key;
  }

  return {
    header: (authorization, scope) => take(recall(authorization, scope)),
    body(text) {
      if (text === null) return authorise(ring, undefined, 'emit');
      const key = recognise(ring, text);
      if (key.scopes.some((scope) => scope !== 'emit'))
        throw new ApiProblem('forbidden', 'a key in a body may have the scope emit alone', {
          field: 'key',
          remedy: 'send it as Authorization: Bearer, or make one with --scope emit',
        });
      return take(key);
    },
  };
}
