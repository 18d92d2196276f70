import { fork } from 'node:child_process';
import { once } from 'node:events';
import kafkajs from 'kafkajs';
import { readEnvironment } from '../../../cli/config/config.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sharedStack } from '../../support/shared-stack.ts';
import { clients, openBench, span } from '../../support/kafka/clients.ts';
import type { Bench } from '../../support/kafka/clients.ts';

const MEBIBYTE = 1024 * 1024;
const PARTITIONS = 4;
const RECORDS_EACH = 60_000;

interface Stuck {
  readonly grownBytes: number;
  readonly records: number;
  readonly batches: number;
}

let bench: Bench;
let topic: string;
beforeAll(async () => {
  bench = await openBench(sharedStack().config.kafka.brokers);
  topic = await bench.topic('stuck', { partitions: PARTITIONS });
  // 240 MB in all, which compress to a few: what is bounded must be what is in memory.
  const value = Buffer.alloc(1_000, 'the same again ');
  for (const partition of span(0, PARTITIONS)) {
    const messages = Array.from({ length: 2_000 }, () => ({ partition, value }));
    const compression = kafkajs.CompressionTypes.GZIP;
    for (let sent = 0; sent < RECORDS_EACH; sent += messages.length) {
      await bench.producer.send({ topic, compression, messages });
    }
  }
});
afterAll(() => bench.close());

test.each(clients)(
  '%s stays small while a stuck receiver has everything paused',
  async (client) => {
    const options = bench.options(topic, {
      groupId: `stuck.${client}.${topic}`,
      fetchBytesMax: 8 * MEBIBYTE,
      partitionBytesMax: MEBIBYTE,
    });
    const args = [client, JSON.stringify(options), String(PARTITIONS)];
    // glibc's pools for each thread keep what was freed: how much of that depends on when threads ran.
    const env = { ...readEnvironment(), MALLOC_ARENA_MAX: '1' };
    const child = fork(new URL('stuck.ts', import.meta.url), args, { execArgv: [], env });
    const exited = once(child, 'exit');
    const [stuck] = (await once(child, 'message')) as [Stuck];
    await exited;
    expect(stuck.records).toBeGreaterThan(0);
    expect(stuck.batches).toBe(PARTITIONS);
    expect(stuck.grownBytes / MEBIBYTE).toBeLessThan(150);
  },
);
