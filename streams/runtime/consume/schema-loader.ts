import type { TopicReader } from '../../../connectors/registry/codec.ts';
import { readWireHeader } from '../../../schemas/wire.ts';
import type { KafkaRecord } from '../../../common/kafka/record.ts';
import type { Decoder } from '../commit/decode-batch.ts';

export interface SchemaLoader<E> extends Decoder<E> {
  /** Loads the schemas that these records name and that are not known yet; throws when it cannot. */
  load(records: readonly KafkaRecord[]): Promise<void>;
}

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
