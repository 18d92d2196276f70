import type { Producer } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sharedStack } from '../../support/shared-stack.ts';
import { clients, fill, offsets, openBench, span, values } from '../../support/kafka/clients.ts';
import type { Bench } from '../../support/kafka/clients.ts';

const COMMIT = true;
const ABORT = false;

/** One transaction; takes one offset more than its values, for the marker that ends it. */
async function transaction(
  producer: Producer,
  topic: string,
  texts: readonly string[],
  commit: boolean,
): Promise<void> {
  const open = await producer.transaction();
  const messages = texts.map((value) => ({ partition: 0, value, key: Buffer.alloc(4) }));
  await open.send({ topic, messages });
  await (commit ? open.commit() : open.abort());
}

describe.each(clients)('%s passes the gaps of', (client) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench(sharedStack().config.kafka.brokers);
  });
  afterEach(() => bench.stopAll());
  afterAll(() => bench.close());

  test('committed and aborted transactions', async () => {
    const topic = await bench.topic('txn');
    const producer = await bench.transactional();
    await transaction(producer, topic, ['a0', 'a1'], COMMIT);
    await transaction(producer, topic, ['x0', 'x1', 'x2'], ABORT);
    await fill(bench.producer, topic, 2);
    await transaction(producer, topic, ['b0'], COMMIT);
    const { receiver } = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    // Five records to see, three aborted ones, three markers; the coordinator writes a marker a
    // little after the transaction has ended, so v0 and v1 may come before it.
    await receiver.until('the last marker is passed', () => receiver.next(0) === 11);
    expect(values(receiver)).toEqual(['a0', 'a1', 'v0', 'v1', 'b0']);
    expect(offsets(receiver).slice(0, 2)).toEqual([0, 1]);
  });

  test('a stretch of nothing but aborted records and markers, at the end of the log', async () => {
    const topic = await bench.topic('aborted');
    const producer = await bench.transactional();
    await fill(bench.producer, topic, 1);
    for (let i = 0; i < 5; i += 1) await transaction(producer, topic, ['x', 'y'], ABORT);
    const { receiver } = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    await receiver.until('the end is passed', () => receiver.next(0) === 16);
    expect(values(receiver)).toEqual(['v0']);
    await transaction(producer, topic, ['after'], COMMIT);
    await receiver.until('what comes is read', () => receiver.next(0) === 18);
    expect(values(receiver)).toEqual(['v0', 'after']);
  });

  test('two aborted transactions that interleave, started between their records', async () => {
    const topic = await bench.topic('interleaved');
    const [one, two] = [await bench.transactional(), await bench.transactional()];
    const [first, second] = [await one.transaction(), await two.transaction()];
    for (let i = 0; i < 4; i += 1) {
      await first.send({ topic, messages: [{ partition: 0, value: `one${i}` }] });
      await second.send({ topic, messages: [{ partition: 0, value: `two${i}` }] });
    }
    await first.abort();
    await second.abort();
    await fill(bench.producer, topic, 1);
    const { receiver } = await bench.run(client, bench.options(topic), { startAt: () => 3 });
    await receiver.until('all passed', () => receiver.next(0) === 11);
    expect(values(receiver)).toEqual(['v0']);
  });

  test('an open transaction: nothing beyond its first record until it ends', async () => {
    const topic = await bench.topic('open');
    const producer = await bench.transactional();
    const { receiver, consumer } = await bench.run(client, bench.options(topic), {
      startAt: () => 0,
    });
    await fill(bench.producer, topic, 3);
    const open = await producer.transaction();
    await open.send({ topic, messages: [{ partition: 0, value: 'late' }] });
    await fill(bench.producer, topic, 3, { from: 3 });
    await receiver.until('what precedes is read', () => receiver.next(0) === 3);
    // The end of the log, not the last stable offset.
    expect((await consumer.bounds(topic, [0])).get(0)).toEqual({ start: 0, end: 7 });
    expect(receiver.count()).toBe(3);
    await open.commit();
    await receiver.until('all is read', () => receiver.next(0) === 8);
    expect(values(receiver)).toEqual(['v0', 'v1', 'v2', 'late', 'v3', 'v4', 'v5']);
  });

  test('a compacted log', async () => {
    const topic = await bench.topic('compacted', {
      config: {
        'cleanup.policy': 'compact',
        'segment.ms': '100',
        'min.cleanable.dirty.ratio': '0.01',
        'delete.retention.ms': '0',
        'max.compaction.lag.ms': '100',
      },
    });
    const value = 'x'.repeat(100);
    const rounds = 6;
    const messages = span(0, 100).map((i) => ({ partition: 0, key: `k${i % 10}`, value }));
    const send = async (): Promise<void> => {
      await bench.producer.send({ topic, messages });
    };
    for (let round = 0; round < rounds; round += 1) await send();
    const total = rounds * 100;
    // The cleaner runs every 15 s; a new record rolls the segment that it may clean.
    let read = total;
    for (let tries = 0; read >= total && tries < 60; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await bench.producer.send({ topic, messages: [{ partition: 0, key: 'roll', value }] });
      const end = total + tries + 1;
      const look = await bench.run(client, bench.options(topic), { startAt: () => 0 });
      await look.receiver.until('read to the end', () => look.receiver.next(0) === end);
      await look.stop();
      read = look.receiver.records.get(0)?.filter(({ offset }) => offset < total).length ?? 0;
    }
    expect(read).toBeLessThan(total);
    const { receiver } = await bench.run(client, bench.options(topic), { startAt: () => 5 });
    await receiver.until('the last of each key is read', () => {
      const keys = new Set(receiver.records.get(0)?.map(({ key }) => key?.toString()));
      return keys.size === 11;
    });
    const seen = receiver.records.get(0) ?? [];
    const last = new Map(seen.map(({ key, offset }) => [key?.toString(), offset]));
    for (let i = 0; i < 10; i += 1) expect(last.get(`k${i}`)).toBe(total - 10 + i);
  });
});
