import { expect, test } from 'vitest';
import type { ConsumerOptions } from '../../../../../connectors/kafka/port.ts';
import { clientConfig } from '../../../../../connectors/kafka/rdkafka/client-config.ts';

const options: ConsumerOptions = {
  brokers: ['a:1', 'b:2'],
  groupId: 'group',
  topic: 'topic',
  clientId: 'test',
  sessionTimeoutMs: 30_000,
  rebalanceTimeoutMs: 12_000,
  heartbeatIntervalMs: 1_000,
  fetchBytesMax: 8_000_000,
  partitionBytesMax: 1_000_000,
  fetchWaitMs: 100,
};

test('nothing is committed, reset or created behind our back', () => {
  expect(clientConfig(options)).toMatchObject({
    'metadata.broker.list': 'a:1,b:2',
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    'isolation.level': 'read_committed',
    'allow.auto.create.topics': false,
  });
});

test('the time to rebalance is never below the session timeout, which librdkafka refuses', () => {
  expect(clientConfig(options)['max.poll.interval.ms']).toBe(30_000);
  expect(clientConfig({ ...options, rebalanceTimeoutMs: 60_000 })['max.poll.interval.ms']).toBe(
    60_000,
  );
});

test('bounds of a fetch are never below what librdkafka takes, and leave room for a batch', () => {
  expect(clientConfig({ ...options, fetchBytesMax: 1_000 })).toMatchObject({
    'fetch.max.bytes': 1_000_000,
    'queued.max.messages.kbytes': 1_024,
  });
  const config = clientConfig(options);
  expect(config['fetch.max.bytes']).toBe(8_000_000);
  expect(config['receive.message.max.bytes']).toBeGreaterThan(config['fetch.max.bytes']);
});

test('membership is static only with an instance id', () => {
  expect(clientConfig(options)).not.toHaveProperty(['group.instance.id']);
  const named = clientConfig({ ...options, instanceId: 'one' });
  expect(named).toHaveProperty(['group.instance.id'], 'one');
});
