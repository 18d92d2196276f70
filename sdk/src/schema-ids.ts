import type { SchemaRegistryAPIClientArgs } from '@kafkajs/confluent-schema-registry/dist/api/index.js';
import { MarqueeError } from '../../common/error.ts';
import { backoffMs, pause } from '../../common/backoff.ts';
import type { BackoffOptions } from '../../common/backoff.ts';

/** Looks the ids of schemas up, once each; an id that is known is never asked for again. */
export interface SchemaIds {
  /** Resolves with the id, however long the registry is away; null when stopped before. */
  find(subject: string, schemaText: string): Promise<number | null>;
  stop(): void;
}

export interface SchemaIdOptions {
  readonly registryUrl: string;
  readonly backoff: BackoffOptions;
  readonly timeoutMs: number;
  fault(error: MarqueeError): void;
}

export function createSchemaIds(options: SchemaIdOptions): SchemaIds {
  const stopping = new AbortController();
  const url = options.registryUrl.replace(/\/+$/, '');

  async function open() {
    // A good part of the start-up time of an application, so not before it is needed.
    const { SchemaRegistry, SchemaType } = await import('@kafkajs/confluent-schema-registry');
    const timeout: Middleware = () => ({
      prepareRequest: async (next) => (await next()).enhance({ timeout: options.timeoutMs }),
    });
    const registry = new SchemaRegistry({
      host: url,
      retry: { retries: 0 },
      middlewares: [timeout],
    });
    return (subject: string, schema: string): Promise<number> =>
      registry.getRegistryIdBySchema(subject, { type: SchemaType.AVRO, schema });
  }
  let opened: ReturnType<typeof open> | null = null;
  const isStopping = (): boolean => stopping.signal.aborted;

  return {
    async find(subject, schemaText) {
      for (let attempt = 1; !stopping.signal.aborted; attempt += 1) {
        try {
          opened ??= open();
          return await (
            await opened
          )(subject, schemaText);
        } catch (error) {
          if (isStopping()) break;
          options.fault(toFault(error, url, subject));
          await pause(backoffMs(options.backoff, attempt), stopping.signal);
        }
      }
      return null;
    },
    stop() {
      stopping.abort();
    },
  };
}

type Middleware = NonNullable<SchemaRegistryAPIClientArgs['middlewares']>[number];

/** Of what the library throws, an answer "not found" alone has no status. */
function toFault(cause: unknown, url: string, subject: string): MarqueeError {
  const why = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof Error && cause.name === 'ConfluentSchemaRegistryError') {
    return new MarqueeError(
      'MARQUEE_SCHEMA_NOT_REGISTERED',
      `the registry at ${url} lacks this schema of ${subject} (${why}). ` +
        'Register it: marquee schema push',
      { cause, retriable: true },
    );
  }
  return new MarqueeError(
    'MARQUEE_REGISTRY_UNAVAILABLE',
    `no answer from the schema registry at ${url}: ${why}`,
    { cause, retriable: true },
  );
}
