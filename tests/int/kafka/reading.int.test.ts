import { randomBytes } from 'node:crypto';
import kafkajs from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sharedStack } from '../../support/shared-stack.ts';
import { clients, fill, offsets, openBench, span, values } from '../../support/kafka/clients.ts';
import type { Bench } from '../../support/kafka/clients.ts';

describe.each(clients)('%s reads', (client) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench(sharedStack().config.kafka.brokers);
  });
  afterEach(() => bench.stopAll());
  afterAll(() => bench.close());

  test('from exactly the offset started at, in order, each record once', async () => {
    const topic = await bench.topic('order', { partitions: 2 });
    await fill(bench.producer, topic, 3_000, { partition: 0 });
    await fill(bench.producer, topic, 50, { partition: 1 });
    const startAt = ({ partition }: { partition: number }): number => (partition === 0 ? 1_234 : 0);
    const { receiver, stop, ran } = await bench.run(client, bench.options(topic), { startAt });
    await receiver.until('all read', () => receiver.count() === 3_000 - 1_234 + 50);
    await fill(bench.producer, topic, 10, { partition: 0, from: 3_000 });
    await receiver.until('later ones read', () => receiver.next(0) === 3_010);
    expect(offsets(receiver, 0)).toEqual(span(1_234, 3_010));
    expect(values(receiver, 0)).toEqual(span(1_234, 3_010).map((i) => `v${i}`));
    expect(offsets(receiver, 1)).toEqual(span(0, 50));
    expect(receiver.outOfLog).toEqual([]);
    await stop();
    await ran;
    expect(receiver.assigned.size).toBe(0);
  });

  test('keys, values, headers and append times as they were sent', async () => {
    const topic = await bench.topic('bytes', {
      config: { 'message.timestamp.type': 'LogAppendTime' },
    });
    const bytes = randomBytes(1_000);
    const messages = [
      { key: Buffer.from([0, 0, 0, 0]), value: bytes, headers: { a: Buffer.from([0, 255]) } },
      { key: null, value: 'no key' },
      { key: 'no value', value: null },
      { key: '', value: '' },
      { key: 'three', value: 'headers', headers: { one: '1', two: ['2', 'zwei'], empty: '' } },
      { key: 'ключ', value: '値', headers: { 'ü-header': 'wörth' } },
    ];
    const before = Date.now();
    await bench.producer.send({
      topic,
      messages: messages.map((m) => ({ partition: 0, timestamp: '1000', ...m })),
    });
    const { receiver } = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    await receiver.until('all read', () => receiver.count() === messages.length);
    const read = receiver.records.get(0) ?? [];
    const asBuffer = (value: Buffer | string | null): Buffer | null =>
      value === null ? null : Buffer.from(value);
    expect(read.map(({ key }) => key)).toEqual(messages.map(({ key }) => asBuffer(key)));
    expect(read.map(({ value }) => value)).toEqual(messages.map(({ value }) => asBuffer(value)));
    expect({ ...read[0]?.headers }).toEqual({ a: Buffer.from([0, 255]) });
    expect({ ...read[1]?.headers }).toEqual({});
    expect({ ...read[4]?.headers }).toEqual({
      one: Buffer.from('1'),
      two: Buffer.from('zwei'),
      empty: Buffer.alloc(0),
    });
    expect({ ...read[5]?.headers }).toEqual({ 'ü-header': Buffer.from('wörth') });
    for (const { timestamp } of read) {
      expect(timestamp).toBeGreaterThanOrEqual(before);
      expect(timestamp).toBeLessThanOrEqual(Date.now());
    }
  });

  test("the producer's time where the topic keeps it", async () => {
    const topic = await bench.topic('time');
    const times = [1_700_000_000_000, 1_700_000_000_123, 1_600_000_000_000];
    const messages = times.map((t) => ({ partition: 0, value: 'x', timestamp: String(t) }));
    await bench.producer.send({ topic, messages });
    const { receiver } = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    await receiver.until('all read', () => receiver.count() === 3);
    expect((receiver.records.get(0) ?? []).map(({ timestamp }) => timestamp)).toEqual(times);
  });

  test('gzip, started in the middle of a compressed batch', async () => {
    const topic = await bench.topic('gzip');
    const compression = kafkajs.CompressionTypes.GZIP;
    const messages = span(0, 1_000).map((i) => ({ partition: 0, value: `v${i}` }));
    await bench.producer.send({ topic, compression, messages });
    await bench.producer.send({ topic, compression, messages });
    const { receiver } = await bench.run(client, bench.options(topic), { startAt: () => 777 });
    await receiver.until('all read', () => receiver.next(0) === 2_000);
    expect(offsets(receiver)).toEqual(span(777, 2_000));
    expect(values(receiver)[0]).toBe('v777');
  });

  test('a record of 10 MB among small ones, on a fetch bound far below it', async () => {
    const topic = await bench.topic('large', { config: { 'max.message.bytes': '12582912' } });
    const large = randomBytes(10_000_000);
    await fill(bench.producer, topic, 100);
    await bench.producer.send({ topic, messages: [{ partition: 0, value: large }] });
    await fill(bench.producer, topic, 100, { from: 101 });
    const options = bench.options(topic, { fetchBytesMax: 1_000_000, partitionBytesMax: 100_000 });
    const { receiver } = await bench.run(client, options, { startAt: () => 0 });
    await receiver.until('all read', () => receiver.next(0) === 201);
    expect(offsets(receiver)).toEqual(span(0, 201));
    const read = receiver.records.get(0)?.[100]?.value;
    expect(read?.equals(large)).toBe(true);
  });

  test('nothing before start, and from the offset given later', async () => {
    const topic = await bench.topic('silent', { partitions: 2 });
    for (const partition of [0, 1]) await fill(bench.producer, topic, 20, { partition });
    const startAt = ({ partition }: { partition: number }): number | undefined =>
      partition === 0 ? 0 : undefined;
    const { receiver } = await bench.run(client, bench.options(topic), { startAt });
    await receiver.until('the started one is read', () => receiver.next(0) === 20);
    expect(receiver.records.has(1)).toBe(false);
    receiver.start(1, 7);
    await receiver.until('the other is read', () => receiver.next(1) === 20);
    expect(offsets(receiver, 1)).toEqual(span(7, 20));
  });

  test("nothing from the group's committed offset, which commit tells to the group", async () => {
    const topic = await bench.topic('committed', { partitions: 2 });
    for (const partition of [0, 1]) await fill(bench.producer, topic, 30, { partition });
    const options = bench.options(topic);
    const first = await bench.run(client, options, { startAt: () => 0 });
    await first.receiver.until('all read', () => first.receiver.count() === 60);
    await first.consumer.commit([
      { topic, partition: 0, next: 25 },
      { topic, partition: 1, next: 30 },
    ]);
    const fetched = await bench.admin.fetchOffsets({ groupId: options.groupId, topics: [topic] });
    const committed = fetched[0]?.partitions.map(({ partition, offset }) => [partition, offset]);
    expect(committed?.toSorted()).toEqual([
      [0, '25'],
      [1, '30'],
    ]);
    await first.stop();
    const second = await bench.run(client, options, { startAt: () => 3 });
    await second.receiver.until('read again', () => second.receiver.count() === 54);
    expect(offsets(second.receiver, 0)).toEqual(span(3, 30));
  });

  test('an empty topic, and then what comes', async () => {
    const topic = await bench.topic('empty');
    const { receiver, consumer } = await bench.run(client, bench.options(topic), {
      startAt: () => 0,
    });
    await receiver.until('assigned', () => receiver.assigned.has(0));
    expect(await consumer.bounds(topic, [0])).toEqual(new Map([[0, { start: 0, end: 0 }]]));
    await fill(bench.producer, topic, 5);
    await receiver.until('read', () => receiver.next(0) === 5);
    expect(receiver.outOfLog).toEqual([]);
  });

  test('start again: backward, forward and to the end', async () => {
    const topic = await bench.topic('seek');
    await fill(bench.producer, topic, 5_000);
    const { receiver } = await bench.run(client, bench.options(topic), { startAt: () => 4_000 });
    await receiver.until('read once', () => receiver.next(0) === 5_000);
    receiver.start(0, 10);
    await receiver.until('read again', () => receiver.next(0) === 5_000);
    receiver.start(0, 4_990);
    await receiver.until('and its end', () => receiver.next(0) === 5_000);
    receiver.start(0, 5_000);
    await fill(bench.producer, topic, 1, { from: 5_000 });
    await receiver.until('and what comes', () => receiver.next(0) === 5_001);
    const expected = [...span(4_000, 5_000), ...span(10, 5_000), ...span(4_990, 5_001)];
    expect(offsets(receiver)).toEqual(expected);
  });

  test('start again in the midst of reading, many times', async () => {
    const topic = await bench.topic('seeks');
    await fill(bench.producer, topic, 20_000);
    const starts = [15_000, 3, 9_999, 0, 19_000, 1];
    const { receiver } = await bench.run(
      client,
      bench.options(topic, { partitionBytesMax: 20_000 }),
      {
        startAt: () => 5_000,
        // The receiver checks that each batch begins where the last start said.
        onBatch: (_, self) => {
          const offset = starts.shift();
          if (offset !== undefined) self.start(0, offset);
        },
      },
    );
    await receiver.until('the last one is read', () => {
      return starts.length === 0 && receiver.next(0) === 20_000;
    });
    expect(offsets(receiver).slice(-19_999)).toEqual(span(1, 20_000));
  });

  test('pause and resume lose nothing and repeat nothing', async () => {
    const topic = await bench.topic('pause', { partitions: 3 });
    const partitions = [0, 1, 2];
    for (const partition of partitions) await fill(bench.producer, topic, 4_000, { partition });
    const { receiver } = await bench.run(
      client,
      bench.options(topic, { partitionBytesMax: 10_000, fetchBytesMax: 30_000 }),
      {
        startAt: () => 0,
        // After each batch the partition rests until the loop has turned a few times.
        onBatch: ({ partition }, self) => {
          self.pause(partition);
          setTimeout(() => {
            if (self.assigned.has(partition)) self.resume(partition);
          }, 5);
        },
      },
    );
    await receiver.until('all read', () => receiver.count() === 12_000);
    for (const partition of partitions)
      expect(offsets(receiver, partition)).toEqual(span(0, 4_000));
  });

  test('a paused partition is silent while the others go on', async () => {
    const topic = await bench.topic('paused', { partitions: 2 });
    await fill(bench.producer, topic, 10, { partition: 0 });
    const { receiver } = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    await receiver.until('read', () => receiver.next(0) === 10 && receiver.assigned.has(1));
    receiver.pause(0);
    await fill(bench.producer, topic, 2_000, { partition: 0, from: 10 });
    await fill(bench.producer, topic, 2_000, { partition: 1 });
    await receiver.until('the other is read', () => receiver.next(1) === 2_000);
    expect(receiver.next(0)).toBe(10);
    receiver.resume(0);
    await receiver.until('and this one', () => receiver.next(0) === 2_010);
    expect(offsets(receiver, 0)).toEqual(span(0, 2_010));
  });

  test('stop can be called twice, and before run has connected', async () => {
    const topic = await bench.topic('stop');
    const running = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    await Promise.all([running.stop(), running.stop()]);
    await running.ran;
    const nobody = await bench.run(client, bench.options(topic, { brokers: ['127.0.0.1:1'] }), {
      startAt: () => 0,
    });
    await nobody.receiver.until('a fault is told', () => nobody.receiver.faults.length > 0);
    await nobody.stop();
    await nobody.ran;
  });

  test('a handler that fails ends run with its error, and the group is left', async () => {
    const topic = await bench.topic('failing');
    await fill(bench.producer, topic, 1);
    const options = bench.options(topic);
    const { ran } = await bench.run(client, options, {
      startAt: () => {
        throw new Error('no offset for you');
      },
    });
    await expect(ran).rejects.toThrow('no offset for you');
    const other = await bench.run(client, options, {
      startAt: () => 0,
      onBatch: () => {
        throw new Error('no room for this');
      },
    });
    await expect(other.ran).rejects.toThrow('no room for this');
    const third = await bench.run(client, options, { startAt: () => 0 });
    await third.receiver.until('the partition is free', () => third.receiver.count() === 1, 5_000);
  });
});
