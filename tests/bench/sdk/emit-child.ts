/**
 * The SDK as fast as it goes, in a process of its own: every call is awaited until it is in the
 * buffer, as a careful app would, and all are flushed at the end. Prints one line of JSON.
 *
 * Usage: node emit-child.ts BROKERS REGISTRY_URL EVENTS
 */
import { createProducer } from '../../../sdk/src/index.ts';

const [brokers = '', registryUrl = '', count = '0'] = process.argv.slice(2);
const events = Number(count);
/** A fifth more is sent before, for the compiler and the connections. */
const warmUp = Math.floor(events / 5);
const AWAIT_EVERY = 500;

const producer = createProducer({ app: 'bench', brokers: brokers.split(','), registryUrl });
await producer.ready;

async function emit(from: number, to: number): Promise<void> {
  for (let at = from; at < to; at++) {
    const { accepted } = producer.impression({
      userId: `sdk-${String(at % 100_000)}`,
      movieId: (at % 20_000) + 1,
      position: (at % 20) + 1,
    });
    if (at % AWAIT_EVERY === AWAIT_EVERY - 1) await accepted;
  }
  await producer.flush();
}

await emit(0, warmUp);
const before = producer.counts().acked;
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
await emit(warmUp, warmUp + events);
const tookMs = performance.now() - startedAt;
const { user, system } = process.cpuUsage(cpuBefore);
const { acked, failed } = producer.counts();
await producer.close();
process.stdout.write(
  `${JSON.stringify({
    events: acked - before,
    failed,
    eventsPerSecond: ((acked - before) * 1000) / tookMs,
    cpuPerMillion: (user + system) / (acked - before),
    peakRss: process.resourceUsage().maxRSS * 1024,
  })}\n`,
);
