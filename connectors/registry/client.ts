import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import type avro from 'avsc';
import { MarqueeError } from '../../common/error.ts';
import { avroTypeHook } from '../../schemas/strict-avro.ts';

/** A registry that speaks Confluent's API. Every fault of the world is a MarqueeError. */
export interface RegistryClient {
  /** The avsc type of an id that exists, reading strictly. MARQUEE_SCHEMA_INVALID when it is none. */
  typeOf(schemaId: number): Promise<avro.Type>;
  /** The subjects that have this schema among their versions, or null for an unknown id. */
  subjectsOf(schemaId: number): Promise<readonly string[] | null>;
  /** The id of this very text in the subject, or null when it is not registered. */
  findId(subject: string, schemaText: string): Promise<number | null>;
  /** Registers as the next version of the subject; returns the id. */
  register(subject: string, schemaText: string): Promise<number>;
  /** Schemas of the subject, oldest first; empty when there is no such subject. */
  versions(subject: string): Promise<readonly { version: number; id: number; text: string }[]>;
  /** Why the schema can't follow that version of the subject, or null when it can. */
  objection(subject: string, version: number, schemaText: string): Promise<string | null>;
  compatibility(subject: string): Promise<string>;
  setCompatibility(subject: string, level: string): Promise<void>;
}

export interface RegistryOptions {
  /** Base of the Confluent API, without a slash at the end. */
  readonly url: string;
  readonly timeoutMs?: number;
}

const JSON_TYPE = 'application/vnd.schemaregistry.v1+json';
const UNKNOWN_SUBJECT = 40401;
const UNKNOWN_SCHEMA = 40403;

interface Answer {
  readonly status: number;
  readonly errorCode: number;
  readonly body: unknown;
}

/**
 * Makes the client. Each call throws MARQUEE_REGISTRY_UNAVAILABLE (retriable) when the registry
 * can't be reached, is slow, or answers what no registry would; never for an unknown id.
 */
export function createRegistryClient(options: RegistryOptions): RegistryClient {
  const url = options.url.replace(/\/+$/, '');
  const timeoutMs = options.timeoutMs ?? 5_000;
  const library = new SchemaRegistry(
    { host: url, retry: { retries: 0 }, middlewares: [timeoutOf(timeoutMs)] },
    { [SchemaType.AVRO]: { typeHook: avroTypeHook } },
  );

  async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const request = {
      method,
      headers: { accept: JSON_TYPE, 'content-type': JSON_TYPE },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    try {
      const response = await fetch(url + path, request);
      const answer: unknown = await response.json();
      const errorCode = (answer as { error_code?: unknown } | null)?.error_code;
      const code = typeof errorCode === 'number' ? errorCode : 0;
      return { status: response.status, errorCode: code, body: answer };
    } catch (cause) {
      throw unavailable(url, `${method} ${path}`, cause);
    }
  }

  async function get(path: string, missingCode: number): Promise<unknown> {
    const answer = await ask('GET', path);
    if (answer.status === 200) return answer.body;
    if (answer.status === 404 && answer.errorCode === missingCode) return null;
    throw unavailable(url, `GET ${path}`, describe(answer));
  }

  /** The library's errors carry a status when it was an answer (400 also for a broken connection). */
  async function typeOf(schemaId: number): Promise<avro.Type> {
    try {
      return (await library.getSchema(schemaId)) as unknown as avro.Type;
    } catch (cause) {
      const what = `schema ${String(schemaId)}`;
      if (cause instanceof Error && 'status' in cause) throw unavailable(url, what, cause);
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new MarqueeError(
        'MARQUEE_SCHEMA_INVALID',
        `${what} is no schema that can be used: ${why}`,
      );
    }
  }

  return {
    typeOf,
    async subjectsOf(schemaId) {
      const body = await get(`/schemas/ids/${String(schemaId)}/versions`, UNKNOWN_SCHEMA);
      return (body as { subject: string }[] | null)?.map(({ subject }) => subject) ?? null;
    },
    async findId(subject, schemaText) {
      const path = `/subjects/${encodeURIComponent(subject)}`;
      const answer = await ask('POST', path, { schema: schemaText });
      if (answer.status === 200) return (answer.body as { id: number }).id;
      const { errorCode } = answer;
      if (errorCode === UNKNOWN_SUBJECT || errorCode === UNKNOWN_SCHEMA) return null;
      throw unavailable(url, `POST ${path}`, describe(answer));
    },
    async register(subject, schemaText) {
      const path = `/subjects/${encodeURIComponent(subject)}/versions`;
      const answer = await ask('POST', path, { schema: schemaText });
      if (answer.status === 200) return (answer.body as { id: number }).id;
      if (answer.status !== 409 && answer.status !== 422) {
        throw unavailable(url, `POST ${path}`, describe(answer));
      }
      throw new MarqueeError(
        'MARQUEE_SCHEMA_REFUSED',
        `the registry refuses the schema for ${subject}: ${describe(answer)}`,
      );
    },
    async versions(subject) {
      const path = `/subjects/${encodeURIComponent(subject)}/versions`;
      const numbers = ((await get(path, UNKNOWN_SUBJECT)) ?? []) as number[];
      const ordered = numbers.toSorted((a, b) => a - b);
      return Promise.all(
        ordered.map(async (version) => {
          const body = await get(`${path}/${String(version)}`, UNKNOWN_SUBJECT);
          const { id, schema } = body as { id: number; schema: string };
          return { version, id, text: schema };
        }),
      );
    },
    async objection(subject, version, schemaText) {
      const at = `${encodeURIComponent(subject)}/versions/${String(version)}`;
      const path = `/compatibility/subjects/${at}?verbose=true`;
      const answer = await ask('POST', path, { schema: schemaText });
      if (answer.status !== 200) throw unavailable(url, `POST ${path}`, describe(answer));
      const body = answer.body as { is_compatible: boolean; messages?: string[]; reason?: string };
      if (body.is_compatible) return null;
      return body.messages?.join('; ') ?? body.reason ?? 'incompatible';
    },
    async compatibility(subject) {
      const body = await get(`/config/${encodeURIComponent(subject)}`, UNKNOWN_SUBJECT);
      return (body as { compatibilityLevel: string } | null)?.compatibilityLevel ?? 'NONE';
    },
    async setCompatibility(subject, level) {
      const path = `/config/${encodeURIComponent(subject)}`;
      const answer = await ask('PUT', path, { compatibility: level });
      if (answer.status !== 200) throw unavailable(url, `PUT ${path}`, describe(answer));
    },
  };
}

/** The library sets no time limit of its own. */
function timeoutOf(timeoutMs: number): () => object {
  return () => ({
    request: (request: { enhance(extra: object): unknown }) =>
      request.enhance({ timeout: timeoutMs }),
  });
}

function describe(answer: Answer): string {
  const message = (answer.body as { message?: unknown } | null)?.message;
  return `status ${String(answer.status)}: ${typeof message === 'string' ? message : 'no message'}`;
}

function unavailable(url: string, what: string, cause: unknown): MarqueeError {
  const why = cause instanceof Error ? reasonOf(cause) : String(cause);
  return new MarqueeError(
    'MARQUEE_REGISTRY_UNAVAILABLE',
    `no answer from the schema registry at ${url} (${what}): ${why}. ` +
      'Is it running, and does the address end in its Confluent API (Apicurio: /apis/ccompat/v7)?',
    { cause, retriable: true },
  );
}

/** fetch says only "fetch failed"; what failed is in its cause. */
function reasonOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
