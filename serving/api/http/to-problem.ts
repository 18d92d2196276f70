import { MarqueeError } from '../../../common/error.ts';
import { ApiProblem, PROBLEMS } from './problem.ts';
import type { ProblemCode } from './problem.ts';

interface HttpError extends Error {
  readonly code?: string;
  readonly statusCode?: number;
}

/** Words for what the HTTP library refuses by itself. */
const BY_STATUS: ReadonlyMap<number, ProblemCode> = new Map<number, ProblemCode>([
  [400, 'invalid_request'],
  [404, 'not_found'],
  [408, 'request_timeout'],
  [413, 'too_large'],
  [414, 'headers_too_large'],
  [415, 'unsupported_media_type'],
  [431, 'headers_too_large'],
]);

/** What a request names and there isn't. */
const NOT_FOUND: ReadonlySet<string> = new Set([
  'MARQUEE_MOVIE_UNKNOWN',
  'MARQUEE_REQUEST_UNKNOWN',
  'MARQUEE_SURFACE_UNKNOWN',
]);

/**
 * What is told of an error. Of one that is ours and names a field, its message; of one that a later
 * try may not meet, that it is worth one; of all others nothing, since they are for the log.
 */
export function toProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof MarqueeError) {
    if (NOT_FOUND.has(error.code)) return new ApiProblem('not_found', error.message);
    if (error.field !== undefined)
      return new ApiProblem('invalid_request', error.message, { field: error.field });
    if (error.retriable)
      return new ApiProblem('unavailable', 'a server that is needed does not answer', {
        retryAfterSeconds: 1,
      });
    return internal();
  }
  const { statusCode = 500, message, code } = error as HttpError;
  const word = BY_STATUS.get(statusCode);
  if (word === undefined || code?.startsWith('FST_') !== true) return internal();
  return new ApiProblem(word, word === 'invalid_request' ? message : PROBLEMS[word].title);
}

function internal(): ApiProblem {
  return new ApiProblem('internal', 'the log of the server has what happened under this instance');
}
