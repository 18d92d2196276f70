import { expect, test, vi } from 'vitest';
import { createConsumer } from '../../../../connectors/kafka/create-consumer.ts';
import type { ConsumerOptions } from '../../../../connectors/kafka/port.ts';

vi.mock('node-rdkafka', () => {
  throw new Error('Could not locate the bindings file');
});

const options: ConsumerOptions = {
  brokers: ['127.0.0.1:1'],
  groupId: 'group',
  topic: 'topic',
  clientId: 'test',
  sessionTimeoutMs: 6_000,
  rebalanceTimeoutMs: 12_000,
  heartbeatIntervalMs: 1_000,
  fetchBytesMax: 1_000_000,
  partitionBytesMax: 100_000,
  fetchWaitMs: 100,
};

test('without the native addon kafkajs works and rdkafka says what to do', async () => {
  const consumer = await createConsumer('kafkajs', options);
  await consumer.stop();
  const missing = createConsumer('rdkafka', options);
  await expect(missing).rejects.toHaveProperty('code', 'MARQUEE_RDKAFKA_MISSING');
  await expect(missing).rejects.toThrow('npm rebuild node-rdkafka');
});
