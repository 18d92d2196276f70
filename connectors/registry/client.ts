import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import type avro from 'avsc';
import { MarqueeError } from '../../common/error.ts';
import { avroTypeHook } from '../../schemas/strict-avro.ts';
import {
  compatibilityCall,
  describeAnswer,
  findIdCall,
  objectionCall,
  registerCall,
  schemaCall,
  setCompatibilityCall,
  subjectsOfCall,
  versionsCall,
} from './calls.ts';
import type { Answer, Call } from './calls.ts';

/** A registry that speaks Confluent's API. Every fault of the world is a MarqueeError. */
export interface RegistryClient {
  /** The avsc type of an id that exists, which reads strictly. Throws MARQUEE_SCHEMA_INVALID. */
  typeOf(schemaId: number): Promise<avro.Type>;
  /** The subjects that have this schema among their versions, or null for an unknown id. */
  subjectsOf(schemaId: number): Promise<readonly string[] | null>;
  /** The id of this very text in the subject, or null when it is not registered. */
  findId(subject: string, schemaText: string): Promise<number | null>;
  /** Registers as the next version of the subject; returns the id. */
  register(subject: string, schemaText: string): Promise<number>;
  /** Schemas of the subject, oldest first; empty when there is no such subject. */
  versions(subject: string): Promise<readonly { version: number; id: number; text: string }[]>;
  /** The reason why the schema can't follow that version of the subject; null when it can. */
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

  async function perform<T>(call: Call<T>): Promise<T> {
    const doing = `${call.method} ${call.path}`;
    const answer = await send(url, timeoutMs, call).catch((cause: unknown) => {
      throw unavailable(url, doing, cause);
    });
    const result = call.result(answer);
    if (result === undefined) throw unavailable(url, doing, describeAnswer(answer));
    return result;
  }

  /**
   * The library's errors have a status when it was an answer (400 also for a broken connection).
   */
  async function typeOf(schemaId: number): Promise<avro.Type> {
    try {
      return (await library.getSchema(schemaId)) as unknown as avro.Type;
    } catch (cause) {
      const what = `schema ${schemaId}`;
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
    subjectsOf: (schemaId) => perform(subjectsOfCall(schemaId)),
    findId: (subject, schemaText) => perform(findIdCall(subject, schemaText)),
    register: (subject, schemaText) => perform(registerCall(subject, schemaText)),
    async versions(subject) {
      const versions = await perform(versionsCall(subject));
      return Promise.all(
        versions.map(async (version) => {
          const { id, schema } = await perform(schemaCall(subject, version));
          return { version, id, text: schema };
        }),
      );
    },
    objection: (subject, version, schemaText) =>
      perform(objectionCall(subject, version, schemaText)),
    compatibility: (subject) => perform(compatibilityCall(subject)),
    async setCompatibility(subject, level) {
      await perform(setCompatibilityCall(subject, level));
    },
  };
}

async function send(
  url: string,
  timeoutMs: number,
  { method, path, body }: Call<unknown>,
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: { accept: JSON_TYPE, 'content-type': JSON_TYPE },
    signal: AbortSignal.timeout(timeoutMs),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

/** The library sets no time limit of its own. */
function timeoutOf(timeoutMs: number): () => object {
  return () => ({
    request: (request: { enhance(extra: object): unknown }) =>
      request.enhance({ timeout: timeoutMs }),
  });
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
