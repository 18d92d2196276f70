import { AVRO_SCHEMAS } from '../../schemas/generated/avro.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import { parseAvro } from '../../schemas/strict-avro.ts';
import type { EncodeTarget } from './encoder.ts';
import type { SchemaIds } from './schema-ids.ts';

export interface RegisteredTarget extends EncodeTarget {
  /** Resolves when the schema id is known. */
  readonly found: Promise<void>;
}

/** The newest schema of each topic that is written to, and its id in the registry. */
export interface EncodeTargets {
  of(topic: TopicName): RegisteredTarget;
  /** Null while it is not known; -1 for a topic that only bytes were written to. */
  schemaId(topic: string): number | null;
}

/** `found` is told whenever an id becomes known. */
export function createEncodeTargets(schemaIds: SchemaIds, found: () => void): EncodeTargets {
  const targets = new Map<string, RegisteredTarget>();

  function add(topic: TopicName): RegisteredTarget {
    const text = newestSchema(topic);
    const target = {
      topic,
      type: parseAvro(text),
      schemaId: null as number | null,
      found: schemaIds.find(TOPICS[topic].subject, text).then((id) => {
        target.schemaId = id;
        found();
      }),
    };
    targets.set(topic, target);
    return target;
  }

  return {
    of: (topic) => targets.get(topic) ?? add(topic),
    schemaId: (topic) => (targets.has(topic) ? (targets.get(topic)?.schemaId ?? null) : -1),
  };
}

/** The newest schema of a topic in this build, as the text that is registered. */
function newestSchema(topic: TopicName): string {
  const schemas: Readonly<Record<number, string>> = AVRO_SCHEMAS[topic];
  const version = TOPICS[topic].versions.at(-1) ?? 0;
  const text = schemas[version];
  if (text === undefined) throw new TypeError(`${topic} has no schema`);
  return text;
}
