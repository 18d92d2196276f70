import { timingSafeEqual } from 'node:crypto';
import { ApiProblem } from '../http/problem.ts';
import { allows } from './api-key.ts';
import type { ApiKey, Scope } from './api-key.ts';
import { hashSecret, parseKey } from './key-text.ts';
import type { KeyRing } from './key-ring.ts';

const REMEDY = 'Authorization: Bearer mq_..., a key of `marquee keys create`';
const BEARER = /^bearer +/i;

/** The key of the header, which holds and may do what the scope says. */
export function authorise(ring: KeyRing, header: string | undefined, scope: Scope): ApiKey {
  if (header === undefined)
    throw new ApiProblem('unauthorized', 'the request has no key', { remedy: REMEDY });
  const [scheme = ''] = BEARER.exec(header) ?? [];
  if (scheme === '')
    throw new ApiProblem('unauthorized', 'Authorization is not of the kind Bearer', {
      remedy: REMEDY,
    });
  return requireScope(recognise(ring, header.slice(scheme.length).trimEnd()), scope);
}

/** The key of those words, which holds. */
export function recognise(ring: KeyRing, text: string): ApiKey {
  if (!ring.isKnown())
    throw new ApiProblem('keys_unknown', 'the keys could not be read yet', {
      retryAfterSeconds: 2,
    });
  const given = parseKey(text);
  const key = given === null ? undefined : ring.find(given.keyId);
  // One answer for all: which ids there are is nobody's business.
  if (given === null || key === undefined || !isSecretOf(key, given.secret) || isOver(key))
    throw new ApiProblem('unauthorized', 'the key is unknown or was withdrawn', {
      remedy: REMEDY,
    });
  return key;
}

export function requireScope(key: ApiKey, scope: Scope): ApiKey {
  if (allows(key, scope)) return key;
  throw new ApiProblem(
    'forbidden',
    `the key has not the scope ${scope}, only ${key.scopes.join(', ')}`,
    { remedy: `a key with the scope ${scope}` },
  );
}

/** Refuses a key that is bound to another user. */
export function requireUser(key: ApiKey, userId: string, field: string): void {
  if (key.userId === null || key.userId === userId) return;
  throw new ApiProblem('forbidden', 'the key is bound to another user', { field });
}

function isSecretOf(key: ApiKey, secret: string): boolean {
  return timingSafeEqual(hashSecret(secret), key.secretSha256);
}

function isOver(key: ApiKey): boolean {
  return key.withdrawnAtMs !== null;
}
