/** What can be wrong with a call, by the word that stands in the answer; docs/api.md has them all. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request breaks a rule' },
  events_refused: { status: 400, title: 'No event of the batch can be taken' },
  unauthorized: { status: 401, title: 'A key is needed' },
  forbidden: { status: 403, title: 'The key may not do this' },
  not_found: { status: 404, title: 'There is nothing here' },
  method_not_allowed: { status: 405, title: 'The path does not know this method' },
  request_timeout: { status: 408, title: 'The request did not come to its end' },
  too_large: { status: 413, title: 'The request is too large' },
  unsupported_media_type: { status: 415, title: 'The body is of a kind that is not read' },
  rate_limited: { status: 429, title: 'Too many requests with this key' },
  headers_too_large: { status: 431, title: 'The URL or the headers are too long' },
  internal: { status: 500, title: 'The server made a mistake' },
  overloaded: { status: 503, title: 'Too many requests at once' },
  buffer_full: { status: 503, title: 'Events come faster than they are stored' },
  not_stored: { status: 503, title: 'Not all events are known to be stored' },
  keys_unknown: { status: 503, title: 'The keys could not be read yet' },
  unavailable: { status: 503, title: 'This cannot be answered now' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

export interface ProblemParts {
  /** The parameter, or the path of the field in the body. */
  readonly field?: string | undefined;
  readonly remedy?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** More members of the answer. */
  readonly members?: Readonly<Record<string, unknown>> | undefined;
}

/** A call that is refused: thrown by whoever finds out, sent in one place. */
export class ApiProblem extends Error {
  readonly code: ProblemCode;
  readonly parts: ProblemParts;

  constructor(code: ProblemCode, detail: string, parts: ProblemParts = {}) {
    super(detail);
    this.name = 'ApiProblem';
    this.code = code;
    this.parts = parts;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** The body by RFC 9457. */
export function problemBody(found: ApiProblem, requestId: string | null): string {
  const { status, title } = PROBLEMS[found.code];
  const { field, remedy, members } = found.parts;
  return JSON.stringify({
    type: `urn:marquee:problem:${found.code}`,
    title,
    status,
    detail: found.message,
    code: found.code,
    ...(field === undefined ? {} : { field }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(requestId === null ? {} : { instance: `urn:marquee:request:${requestId}` }),
    ...members,
  });
}

export function problemHeaders({ code, parts }: ApiProblem): Record<string, string> {
  return {
    'cache-control': 'no-store',
    ...(code === 'unauthorized' ? { 'www-authenticate': 'Bearer realm="marquee"' } : {}),
    ...(parts.retryAfterSeconds === undefined
      ? {}
      : { 'retry-after': String(parts.retryAfterSeconds) }),
    ...parts.headers,
  };
}
