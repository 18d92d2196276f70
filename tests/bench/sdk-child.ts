/**
 * The SDK as fast as it goes, in a process of its own: calls until `events` were made, as its policy
 * for a full buffer lets it, then flushes. Prints one line of JSON.
 *
 * Usage: node sdk-child.ts BROKERS REGISTRY_URL EVENTS
 */
import { openProducer } from './sdk-producer.ts';

const [brokers = '', registryUrl = '', count = '0'] = process.argv.slice(2);
const events = Number(count);
const warmUp = Math.floor(events / 5);
/** Calls between two turns of the event loop, as a busy server would make them. */
const BURST = 500;
/** Events under way before the caller waits for acknowledgements. */
const UNDER_WAY_MAX = 20_000;

const producer = await openProducer({ brokers: brokers.split(','), registryUrl });
let acknowledged = 0;
let failed = 0;
let called = 0;

async function until(target: number): Promise<void> {
  while (called < target) {
    for (let burst = 0; burst < BURST && called < target; burst++, called++) {
      producer
        .impression({ userId: `sdk-${String(called % 100_000)}`, movieId: (called % 20_000) + 1 })
        .delivered.then(
          () => acknowledged++,
          () => failed++,
        );
    }
    while (called - acknowledged - failed > UNDER_WAY_MAX) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await producer.flush();
}

await until(warmUp);
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const before = acknowledged;
await until(events);
const tookMs = performance.now() - startedAt;
const { user, system } = process.cpuUsage(cpuBefore);
await producer.close();
process.stdout.write(
  `${JSON.stringify({
    events: acknowledged - before,
    failed,
    eventsPerSecond: ((acknowledged - before) * 1000) / tookMs,
    cpuPerMillion: (user + system) / (acknowledged - before),
    peakRss: process.resourceUsage().maxRSS * 1024,
  })}\n`,
);
