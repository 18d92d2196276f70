import { parseAvro } from '../../schemas/strict-avro.ts';
import { encodeWire } from '../../schemas/wire.ts';
import { newestSchema } from '../../connectors/registry/codec.ts';
import type { Codec } from '../../connectors/registry/codec.ts';
import { createCodec } from '../../connectors/registry/codec.ts';
import type { KafkaRecord } from '../../common/kafka/record.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';
import { AVRO_SCHEMAS } from '../../schemas/generated/avro.ts';
import { TOPICS } from '../../schemas/generated/topics.ts';
import type { TopicRecords, UserActionRecord } from '../../schemas/generated/types.ts';
import { uuidv7 } from '../../common/uuid.ts';

/** Above the number of topics. */
const IDS_A_VERSION = 20;

/**
 * The schema id that `localCodec` gives each topic: its place in the alphabet, from 1; earlier
 * versions have further ids.
 */
export function schemaIdOf(topic: TopicName, version = newestVersion(topic)): number {
  const place = Object.keys(TOPICS).toSorted().indexOf(topic) + 1;
  return place + IDS_A_VERSION * (newestVersion(topic) - version);
}

function newestVersion(topic: TopicName): number {
  return TOPICS[topic].versions.at(-1) ?? 0;
}

/** A codec that knows the schemas of each topic without a registry: for tests without I/O. */
export function localCodec(): Codec {
  const topics = Object.keys(TOPICS).toSorted() as TopicName[];
  const topicOf = (id: number) => topics[(id % IDS_A_VERSION) - 1];
  const textOf = (id: number): string => {
    const topic = topicOf(id) as TopicName;
    const schemas: Readonly<Record<number, string>> = AVRO_SCHEMAS[topic];
    return schemas[newestVersion(topic) - Math.floor(id / IDS_A_VERSION)] ?? '';
  };
  return createCodec({
    url: 'http://registry.invalid',
    client: {
      subjectsOf: (id: number) => {
        const topic = topicOf(id);
        return Promise.resolve(topic === undefined ? null : [TOPICS[topic].subject]);
      },
      typeOf: (id: number) => Promise.resolve(parseAvro(textOf(id))),
      findId: (subject: string) =>
        Promise.resolve(topics.findIndex((topic) => TOPICS[topic].subject === subject) + 1),
    } as unknown as NonNullable<Parameters<typeof createCodec>[0]['client']>,
  });
}

export function encode<K extends TopicName>(topic: K, value: TopicRecords[K]): Buffer {
  return encodeWire(schemaIdOf(topic), parseAvro(newestSchema(topic)), value);
}

export function record(
  offset: number,
  key: string | null,
  value: Buffer | null,
  timestamp = T0,
  headers: KafkaRecord['headers'] = {},
): KafkaRecord {
  return { offset, timestamp, key: key === null ? null : Buffer.from(key), value, headers };
}

/** A moment in the middle of an hour. */
export const T0 = Date.UTC(2026, 10, 20, 12, 30);

/** An action that is good in every respect; `over` makes it special. */
export function action(over: Partial<UserActionRecord> = {}): UserActionRecord {
  const occurredAt = over.occurred_at ?? T0 - 1_000;
  return {
    event_id: uuidv7(occurredAt),
    user_id: 'u1',
    action: 'view',
    movie_id: 7,
    value: null,
    occurred_at: occurredAt,
    session_id: null,
    request_id: null,
    position: null,
    device: null,
    app: 'test',
    app_version: null,
    properties: {},
    ...over,
  };
}

export function actionRecord(
  offset: number,
  over: Partial<UserActionRecord> = {},
  timestamp = T0,
  headers: KafkaRecord['headers'] = {},
): KafkaRecord {
  const event = action(over);
  return record(offset, event.user_id, encode('user-actions.v1', event), timestamp, headers);
}
