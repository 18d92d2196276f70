import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { KafkaClientName } from '../../../connectors/kafka/create-consumer.ts';
import type { ConsumerOptions } from '../../../connectors/kafka/port.ts';
import { sharedStack } from '../../support/shared-stack.ts';
import { clients, fill, openBench, span } from '../../support/kafka/clients.ts';
import type { Bench, Running } from '../../support/kafka/clients.ts';
import type { Receiver, ReceiverOptions } from '../../support/kafka/receiver.ts';

/** A group whose members start where the group as a whole has come to, as the runtime's do. */
function createGroup(bench: Bench, client: KafkaClientName, options: ConsumerOptions) {
  const owners = new Map<number, Receiver>();
  const progress = new Map<number, number>();
  const read = new Map<number, number[]>();
  const join = (more: Partial<ConsumerOptions> = {}, extra: Partial<ReceiverOptions> = {}) =>
    bench.run(
      client,
      { ...options, ...more },
      {
        owners,
        startAt: ({ partition }) => progress.get(partition) ?? 0,
        onBatch: ({ partition, next, records }) => {
          progress.set(partition, next);
          const list = read.get(partition) ?? [];
          for (const { offset } of records()) list.push(offset);
          read.set(partition, list);
        },
        ...extra,
      },
    );
  return { owners, progress, read, join };
}

function startMember(client: KafkaClientName, options: ConsumerOptions): ChildProcess {
  const args = [client, JSON.stringify(options)];
  return fork(new URL('member.ts', import.meta.url), args, { execArgv: [], stdio: 'ignore' });
}

const sizes = (...members: Running[]): number[] =>
  members.map(({ receiver }) => receiver.assigned.size).toSorted((a, b) => a - b);

describe.each(clients)('%s in a group:', (client) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench(sharedStack().config.kafka.brokers);
  });
  afterEach(() => bench.stopAll());
  afterAll(() => bench.close());

  const fillAll = async (topic: string, partitions: number, count: number, from = 0) => {
    for (const partition of span(0, partitions)) {
      await fill(bench.producer, topic, count, { partition, from });
    }
  };

  test('members that come and go share the partitions, each record is read once', async () => {
    const topic = await bench.topic('members', { partitions: 6 });
    const group = createGroup(bench, client, bench.options(topic, { partitionBytesMax: 4_000 }));
    await fillAll(topic, 6, 500);
    const one = await group.join();
    await one.receiver.until('one holds all', () => one.receiver.assigned.size === 6);
    const two = await group.join();
    await two.receiver.until('two share', () => sizes(one, two).join() === '3,3');
    const three = await group.join();
    await three.receiver.until('three share', () => sizes(one, two, three).join() === '2,2,2');
    await fillAll(topic, 6, 500, 500);
    await one.stop();
    expect(one.receiver.assigned.size).toBe(0);
    await three.receiver.until('two share again', () => sizes(two, three).join() === '3,3');
    await fillAll(topic, 6, 500, 1_000);
    await two.stop();
    await three.receiver.until('all is read', () =>
      span(0, 6).every((partition) => group.progress.get(partition) === 1_500),
    );
    for (const partition of span(0, 6)) expect(group.read.get(partition)).toEqual(span(0, 1_500));
  });

  test('a storm of joins and leaves loses and repeats nothing', async () => {
    const topic = await bench.topic('storm', { partitions: 4 });
    const group = createGroup(bench, client, bench.options(topic, { partitionBytesMax: 4_000 }));
    const stays = await group.join();
    const filling = fillAll(topic, 4, 5_000);
    for (let i = 0; i < 6; i += 1) {
      const comes = await group.join();
      await comes.receiver.until('it got its share', () => comes.receiver.assigned.size === 2);
      await comes.stop();
    }
    await filling;
    await stays.receiver.until('all is read', () =>
      span(0, 4).every((partition) => group.progress.get(partition) === 5_000),
    );
    for (const partition of span(0, 4)) expect(group.read.get(partition)).toEqual(span(0, 5_000));
  });

  test('a partition is given up only after what was under way is drained', async () => {
    const topic = await bench.topic('drain', { partitions: 2 });
    const options = bench.options(topic);
    const group = createGroup(bench, client, options);
    await fillAll(topic, 2, 10);
    const drained = Promise.withResolvers<undefined>();
    const asked = Promise.withResolvers<undefined>();
    const one = await group.join(
      {},
      {
        onRevoked: async () => {
          asked.resolve(undefined);
          await drained.promise;
        },
      },
    );
    await one.receiver.until('read', () => one.receiver.count() === 20);
    const two = await group.join();
    try {
      await asked.promise;
      // Longer than a heartbeat: the coordinator has been told by now if it ever would be.
      await new Promise((resolve) => setTimeout(resolve, options.heartbeatIntervalMs * 3));
      expect(two.receiver.assigned.size).toBe(0);
    } finally {
      drained.resolve(undefined);
    }
    // The receiver's own check: nothing is assigned while another one holds it.
    await two.receiver.until('shared', () => sizes(one, two).join() === '1,1');
  });

  test('partitions of a member that was killed are taken over', async () => {
    const topic = await bench.topic('killed', { partitions: 4 });
    const options = bench.options(topic, { sessionTimeoutMs: 3_000, heartbeatIntervalMs: 300 });
    const group = createGroup(bench, client, options);
    await fillAll(topic, 4, 100);
    const stays = await group.join();
    await stays.receiver.until('one holds all', () => stays.receiver.assigned.size === 4);
    const child = startMember(client, options);
    const shares = new Promise<void>((resolve) => {
      child.on('message', (assigned) => {
        if (Array.isArray(assigned) && assigned.length === 2) resolve();
      });
    });
    await shares;
    await stays.receiver.until('it shares', () => stays.receiver.assigned.size === 2);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    await fillAll(topic, 4, 100, 100);
    await stays.receiver.until('all taken over and read', () =>
      span(0, 4).every((partition) => group.progress.get(partition) === 200),
    );
    expect(stays.receiver.assigned.size).toBe(4);
  });

  test('partitions added to the topic are picked up', async () => {
    const topic = await bench.topic('grown', { partitions: 2 });
    const group = createGroup(bench, client, bench.options(topic, { metadataMaxAgeMs: 500 }));
    const one = await group.join();
    await one.receiver.until('assigned', () => one.receiver.assigned.size === 2);
    await bench.admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
    await one.receiver.until('all assigned', () => one.receiver.assigned.size === 5);
    const producer = await bench.freshProducer();
    for (const partition of span(0, 5)) await fill(producer, topic, 10, { partition });
    await one.receiver.until('all read', () => one.receiver.count() === 50);
  });

  test.runIf(client === 'rdkafka')('a static member that restarts disturbs nobody', async () => {
    const topic = await bench.topic('static', { partitions: 4 });
    const group = createGroup(bench, client, bench.options(topic));
    await fillAll(topic, 4, 10);
    const one = await group.join({ instanceId: 'one' });
    await one.receiver.until('one holds all', () => one.receiver.assigned.size === 4);
    const two = await group.join({ instanceId: 'two' });
    await two.receiver.until('shared', () => sizes(one, two).join() === '2,2');
    const had = [...two.receiver.assigned];
    const { assignments } = one.receiver;
    const before = assignments.length;
    await two.stop();
    const again = await group.join({ instanceId: 'two' });
    await again.receiver.until('it has its own again', () => again.receiver.assigned.size === 2);
    expect([...again.receiver.assigned].toSorted()).toEqual(had.toSorted());
    expect(assignments).toHaveLength(before);
    expect(one.receiver.assigned.size).toBe(2);
  });
});
