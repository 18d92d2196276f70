import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, isFree } from '../../../cli/stack/host/ports.ts';
import { applyTopics } from '../../../connectors/kafka/topics.ts';
import { pushSchemas } from '../../../connectors/registry/subjects.ts';
import { createProducer } from '../../../sdk/src/index.ts';
import type { Producer, ProducerOptions } from '../../../sdk/src/index.ts';
import { startStack } from '../../support/stack.ts';
import type { TestStack } from '../../support/stack.ts';
import { logEnds } from '../../support/read-topic.ts';
import { readTopic } from './read-topic.ts';

/** Servers of its own: they are killed and stopped here. */
let stack: TestStack;
const open: Producer[] = [];

function producerOf(options: Partial<ProducerOptions> = {}): Producer {
  const producer = createProducer({
    app: 'faults',
    brokers: stack.config.kafka.brokers,
    registryUrl: stack.config.registry.url,
    retryFirstMs: 50,
    retryMaxMs: 500,
    requestTimeoutMs: 3_000,
    drainOnSigterm: false,
    ...options,
  });
  open.push(producer);
  return producer;
}

/** Keys in the order of the log, a list for each partition. */
async function usersInLog(prefix: string): Promise<string[]> {
  const records = await readTopic(stack.config.kafka.brokers, 'user-actions.v1');
  return records.map(({ key }) => String(key)).filter((key) => key.startsWith(prefix));
}

function portOf({ config }: TestStack): number {
  return Number(config.kafka.brokers[0]?.split(':')[1]);
}

beforeAll(async () => {
  stack = await startStack({ services: ['kafka', 'registry'] });
  await applyTopics({ brokers: stack.config.kafka.brokers });
  await pushSchemas({ url: stack.config.registry.url });
});

afterAll(async () => {
  await Promise.all(open.map((producer) => producer.close({ timeoutMs: 0 })));
  await stack.stop();
});

describe('a broker that dies under load', () => {
  it('costs no event, doubles none and keeps the order of a user', async () => {
    const producer = producerOf();
    await producer.ready;
    const each = 6_000;
    const users = ['kill-a', 'kill-b', 'kill-c', 'kill-d', 'kill-e'];
    const emitting = (async () => {
      for (let n = 1; n <= each; n += 1) {
        for (const userId of users) await producer.view({ userId, movieId: n }).accepted;
        if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await expect.poll(() => producer.counts().acked, { timeout: 10_000 }).toBeGreaterThan(2_000);
    await stack.kill('kafka', 'SIGKILL');
    // A JVM's last threads may hold the port a little longer, and then it would come back elsewhere.
    await expect.poll(() => isFree(portOf(stack)), { timeout: 20_000 }).toBe(true);
    await stack.start('kafka');
    await emitting;
    await producer.flush();
    const counts = producer.counts();
    expect(counts).toMatchObject({ acked: each * users.length, failed: 0, rejected: 0 });
    expect(counts.retried).toBeGreaterThan(0);
    const found = await usersInLog('kill-');
    expect(found).toHaveLength(each * users.length);
    const moviesByUser = await moviesOf(users);
    const inOrder = Array.from({ length: each }, (_, n) => n + 1);
    for (const userId of users) expect(moviesByUser.get(userId)).toEqual(inOrder);
  }, 120_000);

  it('that only hangs is answered by a resend which it knows', async () => {
    const producer = producerOf();
    await producer.ready;
    await producer.view({ userId: 'hang-0', movieId: 1 }).delivered;
    await stack.kill('kafka', 'SIGSTOP');
    const pending = Array.from({ length: 100 }, (_, n) =>
      producer.view({ userId: `hang-${String(n + 1)}`, movieId: 1 }),
    );
    // Beyond the time-out of a request, so that the batch is sent again.
    await expect.poll(() => producer.counts().retried, { timeout: 20_000 }).toBeGreaterThan(0);
    await stack.kill('kafka', 'SIGCONT');
    await Promise.all(pending.map(({ delivered }) => delivered));
    // The broker was silent for longer than its lease: for a moment no partition has a leader.
    const answers = () => logEnds(stack.config.kafka.brokers, 'user-actions.v1').catch(() => []);
    await expect.poll(answers, { timeout: 20_000 }).not.toEqual([]);
    const found = await usersInLog('hang-');
    expect(found).toHaveLength(101);
    expect(new Set(found).size).toBe(101);
  }, 60_000);
});

async function moviesOf(users: readonly string[]): Promise<Map<string, number[]>> {
  const { createCodec } = await import('../../../connectors/registry/codec.ts');
  const reader = createCodec({ url: stack.config.registry.url }).reader('user-actions.v1');
  const movies = new Map<string, number[]>(users.map((user) => [user, []]));
  for (const { value, key } of await readTopic(stack.config.kafka.brokers, 'user-actions.v1')) {
    if (value === null || !movies.has(String(key))) continue;
    await reader.ensureSchema(value.readInt32BE(1));
    const action = reader.decode(value);
    if ('reason' in action) throw new Error(action.detail);
    movies.get(action.user_id)?.push(action.movie_id ?? -1);
  }
  return movies;
}

describe('the registry', () => {
  it('may be away: known ids are good, and early calls queue', async () => {
    const faults = new Set<string>();
    const knowing = producerOf();
    await knowing.ready;
    await stack.stopService('registry');
    const late = producerOf({ onFault: ({ code }) => void faults.add(code) });
    const early = late.view({ userId: 'early-1', movieId: 1 });
    await expect.poll(() => faults.size, { timeout: 10_000 }).toBeGreaterThan(0);
    expect([...faults]).toEqual(['MARQUEE_REGISTRY_UNAVAILABLE']);
    expect(late.counts()).toMatchObject({ buffered: 1, acked: 0 });
    await knowing.view({ userId: 'early-0', movieId: 1 }).delivered;
    await stack.start('registry');
    await late.ready;
    await early.delivered;
    expect((await usersInLog('early-')).toSorted()).toEqual(['early-0', 'early-1']);
  }, 90_000);

  it('may lack the schema until somebody pushes it', async () => {
    const { url } = stack.config.registry;
    await fetch(`${url}/subjects/user-actions.v1-value`, { method: 'DELETE' });
    const faults = new Set<string>();
    const producer = producerOf({ onFault: ({ code }) => void faults.add(code) });
    const { delivered } = producer.view({ userId: 'unknown-1', movieId: 1 });
    await expect
      .poll(() => [...faults], { timeout: 10_000 })
      .toEqual(['MARQUEE_SCHEMA_NOT_REGISTERED']);
    await pushSchemas({ url });
    await delivered;
  });
});

describe('a broker that does not answer', () => {
  it('fills the buffer up to its limit, and no further', async () => {
    const brokers = [`127.0.0.1:${String(await freePort())}`];
    const limits = { brokers, maxBufferedEvents: 100, whenFull: 'reject' } as const;
    const producer = producerOf(limits);
    const emitted = Array.from({ length: 150 }, (_, n) =>
      producer.view({ userId: `full-${String(n)}`, movieId: 1 }),
    );
    const refused = emitted.slice(100).map(({ delivered }) => delivered);
    for (const delivered of refused) {
      await expect(delivered).rejects.toMatchObject({ code: 'MARQUEE_BUFFER_FULL' });
    }
    expect(producer.counts()).toMatchObject({ buffered: 100, rejected: 50, queued: 100 });
    await producer.close({ timeoutMs: 10 });
    await expect(emitted[0]?.delivered).rejects.toMatchObject({ code: 'MARQUEE_CLOSED' });
    expect(producer.counts()).toMatchObject({ buffered: 0, bufferedBytes: 0, failed: 100 });
    expect(() => producer.view({ userId: 'u', movieId: 1 })).toThrow(
      expect.objectContaining({ code: 'MARQUEE_CLOSED' }),
    );
  });

  it('holds callers back until there is room', async () => {
    const producer = producerOf({ maxBufferedEvents: 100 });
    await producer.ready;
    await stack.kill('kafka', 'SIGSTOP');
    const emitted = Array.from({ length: 250 }, (_, n) =>
      producer.view({ userId: `wait-${String(n)}`, movieId: 1 }),
    );
    const accepted: number[] = [];
    emitted.forEach(({ accepted: done }, n) => {
      done.then(
        () => accepted.push(n),
        () => undefined,
      );
    });
    await emitted[99]?.accepted;
    expect(accepted).toHaveLength(100);
    // Waiting is bounded as well: as many again.
    await expect(emitted[200]?.accepted).rejects.toMatchObject({ code: 'MARQUEE_BUFFER_FULL' });
    await stack.kill('kafka', 'SIGCONT');
    await producer.flush();
    await Promise.all(emitted.slice(0, 200).map((event) => event.accepted));
    expect(await usersInLog('wait-')).toHaveLength(200);
  }, 90_000);

  it('gives an event up after deliveryTimeoutMs, and says so once', async () => {
    const brokers = [`127.0.0.1:${String(await freePort())}`];
    const producer = producerOf({ brokers, deliveryTimeoutMs: 300 });
    const { delivered } = producer.view({ userId: 'timeout', movieId: 1 });
    await expect(delivered).rejects.toMatchObject({ code: 'MARQUEE_DELIVERY_TIMEOUT' });
    expect(producer.counts()).toMatchObject({ failed: 1, buffered: 0 });
  });
});
