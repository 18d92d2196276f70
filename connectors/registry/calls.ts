import { MarqueeError } from '../../common/error.ts';

/** The registry's answer to a request. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A request of Confluent's API together with the meaning of its answer. */
export interface Call<T> {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body?: object;
  /** Undefined for an answer that no registry would give. */
  result(answer: Answer): T | undefined;
}

const OK = 200;
const NOT_FOUND = 404;
const UNKNOWN_SUBJECT = 40401;
const UNKNOWN_SCHEMA = 40403;
const CONFLICT = 409;
const UNPROCESSABLE = 422;

/** Names of the subjects; null for an unknown id. */
export function subjectsOfCall(schemaId: number): Call<readonly string[] | null> {
  return {
    method: 'GET',
    path: `/schemas/ids/${schemaId}/versions`,
    result: foundOrNull(UNKNOWN_SCHEMA, (body) => {
      return (body as { subject: string }[] | null)?.map(({ subject }) => subject) ?? null;
    }),
  };
}

/** The schema's id; null when the subject has no such schema. */
export function findIdCall(subject: string, schemaText: string): Call<number | null> {
  return {
    method: 'POST',
    path: pathOf('subjects', subject),
    body: { schema: schemaText },
    result: (answer) => {
      if (answer.status === OK) return (answer.body as { id: number }).id;
      const code = errorCodeOf(answer);
      return code === UNKNOWN_SUBJECT || code === UNKNOWN_SCHEMA ? null : undefined;
    },
  };
}

/** The id that the schema got. Throws MARQUEE_SCHEMA_REFUSED. */
export function registerCall(subject: string, schemaText: string): Call<number> {
  return {
    method: 'POST',
    path: `${pathOf('subjects', subject)}/versions`,
    body: { schema: schemaText },
    result: (answer) => {
      const { status, body } = answer;
      if (status === OK) return (body as { id: number }).id;
      if (status !== CONFLICT && status !== UNPROCESSABLE) return undefined;
      throw new MarqueeError(
        'MARQUEE_SCHEMA_REFUSED',
        `the registry refuses the schema for ${subject}: ${describeAnswer(answer)}`,
      );
    },
  };
}

/** The subject's versions, oldest first; none when there is no such subject. */
export function versionsCall(subject: string): Call<readonly number[]> {
  const read = foundOrNull(UNKNOWN_SUBJECT, (body) => body as number[] | null);
  return {
    method: 'GET',
    path: `${pathOf('subjects', subject)}/versions`,
    result: (answer) => {
      const found = read(answer);
      return found === undefined ? undefined : (found ?? []).toSorted((a, b) => a - b);
    },
  };
}

export function schemaCall(
  subject: string,
  version: number,
): Call<{ readonly id: number; readonly schema: string }> {
  return {
    method: 'GET',
    path: `${pathOf('subjects', subject)}/versions/${version}`,
    result: ({ status, body }) =>
      status === OK ? (body as { id: number; schema: string }) : undefined,
  };
}

/** The reason why the schema can't follow that version; null when it can. */
export function objectionCall(
  subject: string,
  version: number,
  schemaText: string,
): Call<string | null> {
  return {
    method: 'POST',
    path: `/compatibility${pathOf('subjects', subject)}/versions/${version}?verbose=true`,
    body: { schema: schemaText },
    result: ({ status, body }) => {
      if (status !== OK) return undefined;
      const verdict = body as { is_compatible: boolean; messages?: string[]; reason?: string };
      if (verdict.is_compatible) return null;
      return verdict.messages?.join('; ') ?? verdict.reason ?? 'incompatible';
    },
  };
}

/** The subject's own level; NONE when it has none. */
export function compatibilityCall(subject: string): Call<string> {
  const read = foundOrNull(UNKNOWN_SUBJECT, (body) => {
    return (body as { compatibilityLevel: string } | null)?.compatibilityLevel ?? null;
  });
  return {
    method: 'GET',
    path: pathOf('config', subject),
    result: (answer) => {
      const found = read(answer);
      return found === undefined ? undefined : (found ?? 'NONE');
    },
  };
}

export function setCompatibilityCall(subject: string, level: string): Call<null> {
  return {
    method: 'PUT',
    path: pathOf('config', subject),
    body: { compatibility: level },
    result: ({ status }) => (status === OK ? null : undefined),
  };
}

/** For people: what an answer says of itself. */
export function describeAnswer({ status, body }: Answer): string {
  const message = (body as { message?: unknown } | null)?.message;
  return `status ${status}: ${typeof message === 'string' ? message : 'no message'}`;
}

/** Null only when the registry itself says that there is none: another's 404 is no answer. */
function foundOrNull<T>(missingCode: number, read: (body: unknown) => T | null) {
  return (answer: Answer): T | null | undefined => {
    if (answer.status === OK) return read(answer.body);
    return answer.status === NOT_FOUND && errorCodeOf(answer) === missingCode ? null : undefined;
  };
}

function errorCodeOf({ body }: Answer): number {
  const code = (body as { error_code?: unknown } | null)?.error_code;
  return typeof code === 'number' ? code : 0;
}

function pathOf(kind: 'subjects' | 'config', subject: string): string {
  return `/${kind}/${encodeURIComponent(subject)}`;
}
