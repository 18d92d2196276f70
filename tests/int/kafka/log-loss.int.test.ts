import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sharedStack } from '../../support/shared-stack.ts';
import {
  clients,
  deleteBelow,
  fill,
  makeTopic,
  offsets,
  openBench,
  span,
  unique,
} from '../../support/kafka/clients.ts';
import type { Bench, Running } from '../../support/kafka/clients.ts';

describe.each(clients)('%s says so when the log has not what was asked for:', (client) => {
  let bench: Bench;
  // One for each test: a client that once knew a deleted topic asks for it ever after.
  beforeEach(async () => {
    bench = await openBench(sharedStack().config.kafka.brokers);
  });
  afterEach(() => bench.close());

  const outOf = ({ receiver }: Running, partition: number): boolean =>
    receiver.outOfLog.some((place) => place.partition === partition);

  test('an offset below the first one kept, and reading goes on where told', async () => {
    const topic = await bench.topic('below');
    await fill(bench.producer, topic, 100);
    await deleteBelow(bench.admin, topic, 60);
    const running = await bench.run(client, bench.options(topic), { startAt: () => 10 });
    const { receiver, consumer } = running;
    await receiver.until('told', () => outOf(running, 0));
    expect(receiver.count()).toBe(0);
    expect(await consumer.bounds(topic, [0])).toEqual(new Map([[0, { start: 60, end: 100 }]]));
    receiver.start(0, 60);
    await receiver.until('read', () => receiver.next(0) === 100);
    expect(offsets(receiver)).toEqual(span(60, 100));
    expect(receiver.outOfLog).toHaveLength(1);
  });

  test('an offset beyond the end, and the end itself is none', async () => {
    const topic = await bench.topic('beyond', { partitions: 2 });
    for (const partition of [0, 1]) await fill(bench.producer, topic, 10, { partition });
    const running = await bench.run(client, bench.options(topic), {
      startAt: ({ partition }) => (partition === 0 ? 11 : 10),
    });
    const { receiver } = running;
    await receiver.until('told', () => outOf(running, 0));
    await fill(bench.producer, topic, 5, { partition: 1, from: 10 });
    await receiver.until('the other reads', () => receiver.next(1) === 15);
    expect(receiver.outOfLog.map(({ partition }) => partition)).toEqual([0]);
    expect(receiver.outOfLog[0]?.detail).toContain('11');
  });

  test('records deleted while they were about to be read', async () => {
    const topic = await bench.topic('overtaken');
    await fill(bench.producer, topic, 100);
    const running = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    const { receiver } = running;
    await receiver.until('read', () => receiver.next(0) === 100);
    receiver.pause(0);
    await fill(bench.producer, topic, 4_000, { from: 100 });
    await deleteBelow(bench.admin, topic, 4_000);
    receiver.start(0, 200);
    await receiver.until('told', () => outOf(running, 0));
    expect(receiver.count()).toBe(100);
  });

  test('a topic deleted', async () => {
    const topic = await bench.topic('deleted', { partitions: 2 });
    for (const partition of [0, 1]) await fill(bench.producer, topic, 10, { partition });
    const running = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    const { receiver } = running;
    await receiver.until('read', () => receiver.count() === 20);
    await bench.admin.deleteTopics({ topics: [topic] });
    await receiver.until('told of both', () => outOf(running, 0) && outOf(running, 1));
  });

  test('a topic made again and filled less far', async () => {
    const topic = await bench.topic('again', { partitions: 2 });
    for (const partition of [0, 1]) await fill(bench.producer, topic, 50, { partition });
    const running = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    const { receiver } = running;
    await receiver.until('read', () => receiver.count() === 100);
    await bench.admin.deleteTopics({ topics: [topic] });
    await makeTopic(bench.admin, topic, { partitions: 2 });
    const producer = await bench.freshProducer();
    for (const partition of [0, 1]) await fill(producer, topic, 5, { partition });
    await receiver.until('told of both', () => outOf(running, 0) && outOf(running, 1));
    expect(receiver.count()).toBe(100);
  });

  test('a topic made again and filled past the position, never read on as if nothing was', async () => {
    const topic = unique('refilled');
    await makeTopic(bench.admin, topic, { partitions: 2 });
    for (const partition of [0, 1]) await fill(bench.producer, topic, 20, { partition });
    const running = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    const { receiver } = running;
    await receiver.until('read', () => receiver.count() === 40);
    await bench.admin.deleteTopics({ topics: [topic] });
    await makeTopic(bench.admin, topic, { partitions: 2 });
    const producer = await bench.freshProducer();
    for (const partition of [0, 1]) {
      await fill(producer, topic, 1_000, { partition, from: 10_000 });
    }
    await receiver.until('told of both', () => outOf(running, 0) && outOf(running, 1));
    expect(receiver.count()).toBe(40);
    // Who is told may start on the new one; eager rebalances may have come in between.
    await receiver.until('assigned', () => receiver.assigned.size === 2);
    for (const partition of [0, 1]) receiver.start(partition, 0);
    await receiver.until('the new ones are read', () => receiver.count() === 2_040);
  });

  test('bounds of a topic and of a partition that are not there', async () => {
    const topic = await bench.topic('bounds', { partitions: 3 });
    await fill(bench.producer, topic, 7, { partition: 2 });
    const { consumer } = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    const bounds = await consumer.bounds(topic, [2, 0]);
    expect([...bounds]).toEqual([
      [2, { start: 0, end: 7 }],
      [0, { start: 0, end: 0 }],
    ]);
    const missing: unknown = expect.objectContaining({ code: 'MARQUEE_TOPIC_MISSING' });
    await expect(consumer.bounds(unique('nowhere'), [0])).rejects.toEqual(missing);
    await expect(consumer.bounds(topic, [3])).rejects.toEqual(missing);
    const away = await bench.run(client, bench.options(topic, { brokers: ['127.0.0.1:1'] }), {
      startAt: () => 0,
    });
    await expect(away.consumer.bounds(topic, [0])).rejects.toEqual(
      expect.objectContaining({ code: 'MARQUEE_KAFKA_UNAVAILABLE', retriable: true }),
    );
  });
});
