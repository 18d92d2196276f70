/**
 * The SDK as fast as it goes, in a process of its own: every 500th call is awaited until it is in the
 * buffer, as a careful app would, and all are flushed at the end. Prints one line of JSON.
 *
 * Usage: node emit-child.ts BROKERS REGISTRY_URL EVENTS MIX
 */
import { createProducer } from '../../../sdk/src/index.ts';
import { MIXES, type Mix } from './emit.ts';
import type { SdkResult } from './rate.ts';

const [brokers = '', registryUrl = '', count = '0', mix = 'impressions'] = process.argv.slice(2);
const emit = MIXES[mix as Mix];
const events = Number(count);
/** A fifth more is sent before, for the compiler and the connections. */
const warmUp = Math.floor(events / 5);
/** Waiting now and then is enough: what is beyond the buffer is bounded as well. */
const AWAIT_EVERY = 500;

const producer = createProducer({ app: 'bench', brokers: brokers.split(','), registryUrl });
await producer.ready;

async function emitAll(from: number, to: number): Promise<void> {
  for (let at = from; at < to; at++) {
    const { accepted } = emit(producer, at);
    if (at % AWAIT_EVERY === AWAIT_EVERY - 1) await accepted;
  }
  await producer.flush();
}

await emitAll(0, warmUp);
const before = producer.counts().acked;
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
await emitAll(warmUp, warmUp + events);
const tookMs = performance.now() - startedAt;
const { user, system } = process.cpuUsage(cpuBefore);
const { acked, failed, retried } = producer.counts();
await producer.close();
const result: SdkResult = {
  events: acked - before,
  failed,
  retried,
  eventsPerSecond: ((acked - before) * 1000) / tookMs,
  cpuPerMillion: (user + system) / (acked - before),
  peakRss: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
