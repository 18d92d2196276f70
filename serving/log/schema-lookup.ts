import type { MarqueeError } from '../../common/error.ts';
import { AVRO_SCHEMAS } from '../../schemas/generated/avro.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import { createSchemaIds } from '../../sdk/src/schema-ids.ts';
import { SERVES_TOPIC } from './encode-record.ts';
import type { FindSchemaId } from './send-frames.ts';

const SCHEMAS: Readonly<Record<number, string>> = AVRO_SCHEMAS[SERVES_TOPIC];

/** Asks the registry for each version of the schema once, when a record of it is to be sent. */
export function createSchemaLookup(
  registryUrl: string,
  fault: (error: MarqueeError) => void,
): { readonly find: FindSchemaId; stop(): void } {
  const ids = createSchemaIds({
    registryUrl,
    backoff: { firstMs: 100, maxMs: 5_000 },
    timeoutMs: 5_000,
    fault,
  });
  const found = new Map<number, Promise<number | null>>();
  return {
    find(version) {
      const text = SCHEMAS[version];
      if (text === undefined) return Promise.resolve(-1);
      const id = found.get(version) ?? ids.find(TOPICS[SERVES_TOPIC].subject, text);
      found.set(version, id);
      return id;
    },
    stop: ids.stop,
  };
}
