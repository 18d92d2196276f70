import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { clients, fill, openBench, span, values } from '../int/kafka/clients.ts';
import type { Bench } from '../int/kafka/clients.ts';
import { startStack } from '../support/stack.ts';
import type { TestStack } from '../support/stack.ts';

/** kafkajs tries for about nine seconds before its session ends and a new one begins. */
const OUTAGE_MS = 14_000;

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ parts: ['kafka'] });
});
afterAll(() => stack.stop());

describe.each(clients)('%s, when its broker', (client) => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench(stack.config.kafka.brokers);
  });
  afterEach(() => bench.close());

  /** Reads while the broker goes and comes back by `outage`; nothing may be lost or repeated. */
  const survives = async (name: string, outage: (told: () => Promise<void>) => Promise<void>) => {
    const topic = await bench.topic(name, { partitions: 3 });
    const partitions = span(0, 3);
    const progress = new Map<number, number>();
    const running = await bench.run(client, bench.options(topic), {
      startAt: ({ partition }) => progress.get(partition) ?? 0,
      onBatch: ({ partition, next }) => progress.set(partition, next),
    });
    const { receiver } = running;
    for (const partition of partitions) await fill(bench.producer, topic, 500, { partition });
    await receiver.until('read before', () => receiver.count() === 1_500);
    const faults = receiver.faults.length;
    await outage(() => receiver.until('a fault is told', () => receiver.faults.length > faults));
    const producer = await bench.freshProducer();
    for (const partition of partitions) {
      await fill(producer, topic, 500, { partition, from: 500 });
    }
    await receiver.until('read after', () => receiver.count() === 3_000, 60_000);
    const expected = span(0, 1_000).map((i) => `v${String(i)}`);
    for (const partition of partitions) expect(values(receiver, partition)).toEqual(expected);
    expect(receiver.outOfLog).toEqual([]);
    await running.stop();
    await running.ran;
    return receiver;
  };

  test('is restarted in the clean way', async () => {
    await survives('restart', () => stack.restart('kafka'));
  });

  test('is killed and comes back', async () => {
    await survives('kill', async (told) => {
      await stack.kill('kafka', 'SIGKILL');
      await told();
      await stack.start('kafka');
    });
  });

  test('is away for longer than the client tries at a stretch, without a spin', async () => {
    const receiver = await survives('outage', async () => {
      await stack.kill('kafka', 'SIGKILL');
      // The length of the outage is what is tested here, not a wait for something.
      await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
      await stack.start('kafka');
    });
    expect(receiver.faults.length).toBeGreaterThan(0);
    expect(receiver.faults.length).toBeLessThan(60);
  });

  test('is away for good: stop ends run all the same, and soon', async () => {
    const topic = await bench.topic('gone');
    const running = await bench.run(client, bench.options(topic), { startAt: () => 0 });
    const { receiver } = running;
    await receiver.until('held', () => receiver.held.size === 1);
    const faults = receiver.faults.length;
    await stack.kill('kafka', 'SIGKILL');
    await receiver.until('a fault is told', () => receiver.faults.length > faults);
    const before = Date.now();
    await running.stop();
    await running.ran;
    expect(Date.now() - before).toBeLessThan(12_000);
    await stack.start('kafka');
  });
});
