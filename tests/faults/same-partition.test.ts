import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRawProducer } from '../../connectors/kafka/raw-producer.ts';
import { partitionOf } from '../../common/partitioner.ts';
import { createProducer } from '../../sdk/src/index.ts';
import { createOutboxPublisher } from '../../streams/runtime/outbox/outbox-publisher.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import { readTopic } from '../support/read-topic.ts';
import type { Environment } from '../support/faults/environment.ts';

/** Lengths around murmur2's words of four bytes, other scripts, and what looks like numbers. */
const KEYS: readonly string[] = [
  ...['a', 'ab', 'abc', 'abcd', 'abcde', '21', '1', '0', '-1', ' ', 'x'.repeat(256)],
  ...[
    'käyttäjä',
    'пользователь',
    '用户',
    'مستخدم',
    '\u{1f3ac}',
    '\u{1f468}\u200d\u{1f469}',
    'e\u0301',
  ],
  ...Array.from({ length: 40 }, (_, n) => `user-${n}`),
];

let environment: Environment;

beforeAll(async () => {
  environment = await emptyEnvironment();
});
afterAll(() => environment.close());

async function placesOn(topic: 'user-actions.v1' | 'profile-changes.v1') {
  const places = new Map<string, Set<number>>();
  await readTopic(environment.brokers, topic, ({ key, partition }) => {
    const name = key?.toString() ?? '';
    places.set(name, (places.get(name) ?? new Set<number>()).add(partition));
  });
  return places;
}

const expectedPlaces = new Map(KEYS.map((key) => [key, new Set([partitionOf(key, 8)])]));

test('the SDK and redrive put a key on one partition', async () => {
  const producer = createProducer({
    app: 'same-partition',
    brokers: environment.brokers,
    registryUrl: environment.config.registry.url,
  });
  const emitted = KEYS.map((userId) => producer.click({ userId, movieId: 1 }));
  await Promise.all(emitted.map(({ delivered }) => delivered));
  await producer.close();
  const raw = createRawProducer({ brokers: environment.brokers, clientId: 'same-partition' });
  const messages = KEYS.map((key) => ({ key: Buffer.from(key), value: null, headers: {} }));
  await raw.send('user-actions.v1', messages);
  await raw.close();

  expect(await placesOn('user-actions.v1')).toEqual(expectedPlaces);
});

test('the outbox publisher and node-rdkafka do as well', async (context) => {
  const publisher = createOutboxPublisher({
    brokers: environment.brokers,
    registryUrl: environment.registryUrl,
    topics: ['profile-changes.v1'],
  });
  const changes = KEYS.map((key) => ({
    key,
    value: { user_id: key, profile_version: 1, changed_at: 0 },
  }));
  await publisher.publish('profile-changes.v1', changes);
  await publisher.close();
  expect(await placesOn('profile-changes.v1')).toEqual(expectedPlaces);

  const produced = await produceByRdkafka('profile-changes.v1');
  if (!produced) context.skip('node-rdkafka is not built here');
  expect(await placesOn('profile-changes.v1')).toEqual(expectedPlaces);
});

interface RdkafkaProducer {
  connect(): void;
  on(event: string, listener: (error?: unknown) => void): void;
  produce(topic: string, partition: null, value: Buffer, key: Buffer): void;
  flush(ms: number, done: (error: unknown) => void): void;
  disconnect(done: () => void): void;
}
interface Rdkafka {
  readonly Producer: new (
    config: Record<string, string>,
    topicConfig: Record<string, string>,
  ) => RdkafkaProducer;
}

/** As a producer in another language, or in C++, would: librdkafka with Java's partitioner. */
async function produceByRdkafka(topic: string): Promise<boolean> {
  let rdkafka: Rdkafka;
  try {
    rdkafka = createRequire(import.meta.url)('node-rdkafka') as Rdkafka;
  } catch {
    return false;
  }
  const producer = new rdkafka.Producer(
    { 'bootstrap.servers': environment.brokers.join(',') },
    { partitioner: 'murmur2_random' },
  );
  await new Promise<void>((resolve, reject) => {
    producer.on('ready', () => resolve());
    producer.on('event.error', reject);
    producer.connect();
  });
  for (const key of KEYS) producer.produce(topic, null, Buffer.from('x'), Buffer.from(key));
  await new Promise<void>((resolve, reject) => {
    producer.flush(20_000, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(new Error(JSON.stringify(error)));
    });
  });
  await new Promise<void>((resolve) => producer.disconnect(() => resolve()));
  return true;
}
