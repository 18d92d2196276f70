import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRecords } from '../../../connectors/kafka/read-records.ts';
import { sharedStack } from '../../support/shared-stack.ts';
import { openBench, span } from '../../support/kafka/clients.ts';
import type { Bench } from '../../support/kafka/clients.ts';

const RECORDS = 60;
const PARTITIONS = 2;

let bench: Bench;
let topic: string;
beforeAll(async () => {
  bench = await openBench(sharedStack().config.kafka.brokers);
  topic = await bench.topic('read', { partitions: PARTITIONS });
  // 6 MB a partition that don't compress: several fetches each.
  for (const partition of span(0, PARTITIONS))
    for (let sent = 0; sent < RECORDS; sent += 5) {
      const messages = span(0, 5).map(() => ({ partition, value: randomBytes(100_000) }));
      await bench.producer.send({ topic, messages });
    }
});
afterAll(() => bench.close());

/** Reads [2, 58) of each partition; a record of each is passed on before `during` is called. */
async function readWhile(during: () => Promise<void>): Promise<Map<number, number[]>> {
  const seen = new Map(span(0, PARTITIONS).map((partition) => [partition, [] as number[]]));
  const gate = Promise.withResolvers<undefined>();
  const begun = new Set<number>();
  const range = { from: 2, to: RECORDS - 2 };
  await readRecords({
    brokers: bench.brokers,
    topic,
    ranges: new Map(span(0, PARTITIONS).map((partition) => [partition, range])),
    async onRecords(partition, records) {
      seen.get(partition)?.push(...records.map(({ offset }) => offset));
      if (begun.size < PARTITIONS && begun.add(partition).size === PARTITIONS)
        during().then(() => {
          gate.resolve(undefined);
        }, gate.reject);
      await gate.promise;
    },
  });
  return seen;
}

const all = new Map(span(0, PARTITIONS).map((p) => [p, span(2, RECORDS - 2)]));

test('reads each record of the ranges once, in order', async () => {
  expect(await readWhile(() => Promise.resolve())).toEqual(all);
});

test('reads none twice when its group is joined and left by another meanwhile', async () => {
  const seen = await readWhile(async () => {
    const { groups } = await bench.admin.listGroups();
    const states = await bench.admin.describeGroups(groups.map(({ groupId }) => groupId));
    const reader = states.groups.find(
      ({ groupId, members }) =>
        groupId.startsWith('marquee.reader-') &&
        members.some(({ memberMetadata }) => memberMetadata.includes(topic)),
    );
    if (reader === undefined) throw new Error('the reader has no group');
    const { groupId } = reader;
    const other = await bench.run('kafkajs', bench.options(topic, { groupId }), {
      startAt: () => undefined,
    });
    await other.receiver.until('a partition', () => other.receiver.assigned.size > 0);
    await other.stop();
    for (let members = 2; members !== 1;) {
      const [group] = (await bench.admin.describeGroups([groupId])).groups;
      members = group?.state === 'Stable' ? group.members.length : 2;
    }
  });
  expect(seen).toEqual(all);
});
