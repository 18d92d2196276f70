import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MarqueeError } from '../../../common/error.ts';
import { createEncoder } from '../../../sdk/src/encoder.ts';
import type { BufferedRecord } from '../../../sdk/src/buffered-record.ts';
import { DeliveryReport } from '../../../sdk/src/delivery.ts';
import { createSender } from '../../../sdk/src/sender.ts';
import type { Sender, SenderOptions } from '../../../sdk/src/sender.ts';
import { createFakeCluster } from './fake-cluster.ts';
import type { Behaviour, FakeCluster } from './fake-cluster.ts';

interface Run {
  readonly cluster: FakeCluster;
  readonly sender: Sender;
  readonly faults: MarqueeError[];
  readonly retried: number;
  /** Hands values over, each to the partition that its key hashes to. */
  emit(key: string, value: string): Promise<void>;
}

const encoder = createEncoder();

function start(cluster: FakeCluster, options: Partial<SenderOptions> = {}): Run {
  const faults: MarqueeError[] = [];
  let retried = 0;
  const sender = createSender({
    brokers: ['fake:1'],
    clientId: 'test',
    connectTimeoutMs: 1,
    requestTimeoutMs: 1,
    lingerMs: 1,
    batchBytesMax: 4_096,
    batchEventsMax: 100,
    deliveryTimeoutMs: Infinity,
    retryFirstMs: 1,
    retryMaxMs: 4,
    schemaId: () => 1,
    settled(records: readonly BufferedRecord[], error: MarqueeError | null) {
      for (const { report } of records) {
        if (error === null) report.deliver();
        else report.fail(error);
      }
    },
    retried(count: number) {
      retried += count;
    },
    fault: (error: MarqueeError) => void faults.push(error),
    cluster,
    ...options,
  });
  return {
    cluster,
    sender,
    faults,
    get retried() {
      return retried;
    },
    emit(key, value) {
      const report = new DeliveryReport('accepted', { open: 0 });
      const { delivered } = report;
      sender.push(encoder.bytes('t', Buffer.from(key), Buffer.from(value), [], report));
      return delivered;
    },
  };
}

function logged(cluster: FakeCluster): string[] {
  return [...cluster.log.values()].flat();
}

const STOPPED = new MarqueeError('MARQUEE_CLOSED', 'stopped');

/** Answers with the codes one by one, then well. */
function script(...verdicts: (number | Error)[]): Behaviour {
  return () => verdicts.shift() ?? 0;
}

describe('createSender', () => {
  it('keeps the order of a key and one request under way to a broker', async () => {
    const run = start(createFakeCluster({ partitions: 4 }), { batchEventsMax: 7 });
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const all: Promise<void>[] = [];
    for (let n = 0; n < 300; n += 1) {
      for (const key of keys) all.push(run.emit(key, `${key}${n}`));
    }
    await Promise.all(all);
    for (const key of keys) {
      const found = logged(run.cluster).filter((value) => value.startsWith(key));
      expect(found).toEqual(Array.from({ length: 300 }, (_, n) => `${key}${n}`));
    }
    expect(run.cluster.inFlightMax).toBe(1);
    await run.sender.stop(STOPPED);
  });

  it('sends a batch again as it was, so that the broker knows it', async () => {
    const lost = new Error('answer lost');
    const run = start(createFakeCluster({ partitions: 1, behave: script(lost, 7) }));
    await Promise.all([run.emit('k', 'one'), run.emit('k', 'two')]);
    const [first, ...others] = run.cluster.sent;
    for (const other of others) expect(other).toEqual(first);
    expect(run.cluster.sent).toHaveLength(3);
    expect(logged(run.cluster)).toEqual(['one', 'two']);
    expect(run.retried).toBe(4);
    expect(run.faults.map(({ code }) => code)).toEqual([
      'MARQUEE_KAFKA_UNAVAILABLE',
      'MARQUEE_KAFKA_UNAVAILABLE',
    ]);
    await run.sender.stop(STOPPED);
  });

  it('asks for metadata again when the leader is elsewhere', async () => {
    const run = start(createFakeCluster({ partitions: 1, behave: script(6) }));
    await run.emit('k', 'one');
    expect(run.cluster.loads).toBeGreaterThan(2);
    expect(logged(run.cluster)).toEqual(['one']);
    await run.sender.stop(STOPPED);
  });

  it('takes a new producer id when the broker lost track of the old', async () => {
    const run = start(createFakeCluster({ partitions: 2, behave: script(0, 45) }));
    await run.emit('a', 'first');
    await Promise.all([run.emit('a', 'second'), run.emit('b', 'third'), run.emit('c', 'fourth')]);
    expect(run.cluster.identities).toBe(2);
    expect(logged(run.cluster).toSorted()).toEqual(['first', 'fourth', 'second', 'third']);
    await run.sender.stop(STOPPED);
  });

  it('finds the one event that is too large, and loses no neighbour', async () => {
    const behave: Behaviour = ({ values }) => (values.includes('huge') ? 10 : 0);
    const run = start(createFakeCluster({ partitions: 1, behave }));
    const values = ['a', 'b', 'huge', 'c', 'd'];
    const results = await Promise.allSettled(values.map((value) => run.emit('k', value)));
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect((results[2] as PromiseRejectedResult).reason).toMatchObject({
      code: 'MARQUEE_EVENT_REFUSED',
    });
    expect(logged(run.cluster)).toEqual(['a', 'b', 'c', 'd']);
    expect(run.cluster.identities).toBe(1);
    await run.sender.stop(STOPPED);
  });

  it('fails what Kafka refuses for good', async () => {
    const run = start(createFakeCluster({ partitions: 1, behave: script(32) }));
    await expect(run.emit('k', 'bad')).rejects.toMatchObject({ code: 'MARQUEE_KAFKA_REFUSED' });
    await run.emit('k', 'good');
    expect(logged(run.cluster)).toEqual(['good']);
    await run.sender.stop(STOPPED);
  });

  it('waits for a broker that is away at the start, and sends all', async () => {
    const away = (loads: number): Error | null => (loads < 4 ? new Error('refused') : null);
    const run = start(createFakeCluster({ partitions: 2, load: away }));
    await Promise.all(['a', 'b', 'c'].map((key) => run.emit(key, key)));
    await run.sender.reachable('t');
    expect(logged(run.cluster).toSorted()).toEqual(['a', 'b', 'c']);
    expect(run.faults).toHaveLength(3);
    await run.sender.stop(STOPPED);
  });

  it('tries a broker that is away as one, not once for each partition', async () => {
    let requests = 0;
    const fake = createFakeCluster({ partitions: 32 });
    const cluster: FakeCluster = Object.create(fake, {
      produce: {
        value: (leader: number, body: Buffer) => {
          requests += 1;
          return requests <= 5 ? Promise.reject(new Error('refused')) : fake.produce(leader, body);
        },
      },
    }) as FakeCluster;
    const run = start(cluster);
    await Promise.all(Array.from({ length: 200 }, (_, n) => run.emit(`key${n}`, String(n))));
    expect(logged(fake)).toHaveLength(200);
    expect(run.faults).toHaveLength(5);
    expect(requests).toBeLessThan(12);
    await run.sender.stop(STOPPED);
  });

  it('does not spin while a partition has no leader', async () => {
    let asked = 0;
    const leaders = (): number[] => {
      asked += 1;
      return asked > 6 ? [1] : [-1];
    };
    const run = start(createFakeCluster({ partitions: 1, leaders }), { retryFirstMs: 10 });
    const startedAt = performance.now();
    await run.emit('k', 'one');
    expect(performance.now() - startedAt).toBeGreaterThan(30);
    expect(run.cluster.loads).toBeLessThan(30);
    await run.sender.stop(STOPPED);
  });

  it('gives an event up after its time, and what follows is not mistaken for it', async () => {
    // The first batch is stored, its answer lost, and then nothing answers until it is too late.
    let down = true;
    const behave: Behaviour = () => (down ? new Error('answer lost') : 0);
    const run = start(createFakeCluster({ partitions: 1, behave }), { deliveryTimeoutMs: 60 });
    await expect(run.emit('k', 'old')).rejects.toMatchObject({ code: 'MARQUEE_DELIVERY_TIMEOUT' });
    down = false;
    await run.emit('k', 'new');
    expect(logged(run.cluster)).toEqual(['old', 'new']);
    expect(run.cluster.identities).toBe(2);
    await run.sender.stop(STOPPED);
  });

  it('gives up what was never sent when the broker stays away', async () => {
    const cluster = createFakeCluster({ partitions: 1, load: () => new Error('refused') });
    const run = start(cluster, { deliveryTimeoutMs: 30 });
    await expect(run.emit('k', 'one')).rejects.toMatchObject({ code: 'MARQUEE_DELIVERY_TIMEOUT' });
    await run.sender.stop(STOPPED);
  });

  it('fails everything that is left when it is stopped', async () => {
    const run = start(createFakeCluster({ partitions: 1, behave: () => 'hang' }));
    const first = run.emit('k', 'under way');
    await expect.poll(() => run.cluster.sent.length).toBe(1);
    const second = run.emit('k', 'queued');
    await run.sender.stop(STOPPED);
    await expect(first).rejects.toBe(STOPPED);
    await expect(second).rejects.toBe(STOPPED);
  });

  it('stores every event once and in order, whatever goes wrong in between', async () => {
    const verdict = fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: fc.constantFrom(6, 7, 19, 20, 46) },
      { weight: 2, arbitrary: fc.constantFrom('lost', 'cut') },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(verdict, { maxLength: 12 }), async (verdicts) => {
        const faults = verdicts.map((v) => {
          if (v === 'lost') return new Error('answer lost');
          return v === 'cut' ? new Error('connection cut') : v;
        });
        // 46 (already stored) is true only when it was: the fake says it by itself.
        const behave = script(...faults.map((v) => (v === 46 ? new Error('answer lost') : v)));
        const run = start(createFakeCluster({ partitions: 3, behave }), { batchEventsMax: 3 });
        const all: Promise<void>[] = [];
        for (let n = 0; n < 40; n += 1) {
          all.push(run.emit(`key${n % 5}`, `${n % 5}:${n}`));
        }
        await Promise.all(all);
        for (let key = 0; key < 5; key += 1) {
          const own = logged(run.cluster).filter((value) => value.startsWith(`${key}:`));
          const expected = Array.from({ length: 8 }, (_, n) => `${key}:${n * 5 + key}`);
          expect(own).toEqual(expected);
        }
        await run.sender.stop(STOPPED);
      }),
      { numRuns: 40 },
    );
  });
});
