import type { TopicReader } from '../../../connectors/registry/codec.ts';
import { readWireHeader } from '../../../schemas/wire.ts';
import type { SchemaLoader } from './runner.ts';

/** Asks the registry before a batch is decoded, so that decoding itself never waits. */
export function createSchemaLoader<E>(reader: TopicReader<unknown>): SchemaLoader<E> {
  return {
    decode: (value) => reader.decode(value) as ReturnType<SchemaLoader<E>['decode']>,
    async load(records) {
      let last = -1;
      const unknown = new Set<number>();
      for (const { value } of records) {
        if (value === null) continue;
        const id = readWireHeader(value);
        if (id === null || id === last) continue;
        last = id;
        if (!reader.isKnown(id)) unknown.add(id);
      }
      for (const id of unknown) await reader.ensureSchema(id);
    },
  };
}
