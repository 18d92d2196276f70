import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { clients, fill, openBench, span, values } from '../support/kafka/clients.ts';
import type { Bench, Running } from '../support/kafka/clients.ts';
import { startStack } from '../support/stack.ts';
import type { TestStack } from '../support/stack.ts';
import { MINUTE_MS } from '../../common/time.ts';

/** kafkajs tries for about nine seconds before its session ends and a new one begins. */
const OUTAGE_MS = 14_000;
const PARTITIONS = span(0, 3);

let stack: TestStack;
let bench: Bench;
beforeAll(async () => {
  stack = await startStack({ services: ['kafka'] });
});
afterAll(() => stack.stop());
beforeEach(async () => {
  bench = await openBench(stack.config.kafka.brokers);
});
afterEach(() => bench.close());

async function runAll(topic: string): Promise<Running[]> {
  return Promise.all(
    clients.map((client) => {
      const progress = new Map<number, number>();
      return bench.run(client, bench.options(topic, { groupId: `${client}.${topic}` }), {
        startAt: ({ partition }) => progress.get(partition) ?? 0,
        onBatch: ({ partition, next }) => progress.set(partition, next),
      });
    }),
  );
}

/** Each client reads while the broker goes and comes back; nothing may be lost or repeated. */
async function survive(outage: (told: Promise<unknown>) => Promise<void>): Promise<Running[]> {
  const topic = await bench.topic('outage', { partitions: PARTITIONS.length });
  const all = await runAll(topic);
  for (const partition of PARTITIONS) await fill(bench.producer, topic, 500, { partition });
  const each = (what: string, condition: (running: Running) => boolean, withinMs?: number) =>
    Promise.all(all.map((one) => one.receiver.until(what, () => condition(one), withinMs)));
  await each('read before', ({ receiver }) => receiver.count() === 1_500);
  const faults = new Map(all.map((one) => [one, one.receiver.faults.length]));
  const told = each('a fault is told', (one) => {
    return one.receiver.faults.length > (faults.get(one) ?? 0);
  });
  await Promise.all([outage(told), told]);
  const producer = await bench.freshProducer();
  for (const partition of PARTITIONS) await fill(producer, topic, 500, { partition, from: 500 });
  await each('read after', ({ receiver }) => receiver.count() === 3_000, MINUTE_MS);
  const expected = span(0, 1_000).map((i) => `v${String(i)}`);
  for (const { receiver, stop, ran } of all) {
    for (const partition of PARTITIONS) expect(values(receiver, partition)).toEqual(expected);
    expect(receiver.outOfLog).toEqual([]);
    await stop();
    await ran;
  }
  return all;
}

test('a broker restarted in the clean way: both clients read on', async () => {
  await survive(() => stack.restart('kafka'));
});

test('a broker killed: a fault is told, and both clients read on when it is back', async () => {
  await survive(async (told) => {
    await stack.kill('kafka', 'SIGKILL');
    await told;
    await stack.start('kafka');
  });
});

test('a broker away for longer than a client tries at a stretch: no spin', async () => {
  const all = await survive(async () => {
    await stack.kill('kafka', 'SIGKILL');
    // The length of the outage is what is tested here, not a wait for something.
    await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
    await stack.start('kafka');
  });
  for (const { receiver } of all) expect(receiver.faults.length).toBeLessThan(60);
});

test('a broker away for good: stop ends run all the same, and soon', async () => {
  const all = await runAll(await bench.topic('gone', { partitions: PARTITIONS.length }));
  for (const { receiver } of all) {
    await receiver.until('held', () => receiver.assigned.size === PARTITIONS.length);
  }
  const faults = all.map(({ receiver }) => receiver.faults.length);
  await stack.kill('kafka', 'SIGKILL');
  for (const [i, { receiver }] of all.entries()) {
    await receiver.until('a fault is told', () => receiver.faults.length > (faults[i] ?? 0));
  }
  const before = Date.now();
  await Promise.all(all.map(({ stop }) => stop()));
  await Promise.all(all.map(({ ran }) => ran));
  expect(Date.now() - before).toBeLessThan(12_000);
});
