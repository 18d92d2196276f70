/**
 * Measures the SDK against a running stack: events acknowledged per second, CPU an event, and the
 * time from call to acknowledgement at 1,000 events/s.
 *
 *   node tests/bench/sdk.ts [--events 500000] [--runs 3] [--seconds 10]
 */
import { parseArgs } from 'node:util';
import { loadConfig } from '../../cli/config/config.ts';
import { createProducer } from '../../sdk/src/index.ts';
import type { Producer } from '../../sdk/src/index.ts';

const { values: flags } = parseArgs({
  options: {
    events: { type: 'string', default: '500000' },
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
  },
});

const USERS = 100_000;
const MOVIES = 20_000;

function open(): Producer {
  const config = loadConfig();
  return createProducer({
    app: 'bench-sdk',
    appVersion: '1.0.0',
    device: 'tv',
    brokers: config.kafka.brokers,
    registryUrl: config.registry.url,
    onFault: (error) => {
      print(error.message);
    },
  });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A stride that visits all users and movies before it repeats. */
function emit(producer: Producer, index: number): ReturnType<Producer['view']> {
  const userId = `user-${String((index * 7_919) % USERS)}`;
  const movieId = ((index * 104_729) % MOVIES) + 1;
  if (index % 10 < 7) {
    return producer.impression({ userId, movieId, position: (index % 20) + 1, sessionId: 's-1' });
  }
  if (index % 10 < 9) return producer.click({ userId, movieId, sessionId: 's-1' });
  return producer.rate({ userId, movieId, value: 4.5 });
}

async function throughput(events: number): Promise<void> {
  const producer = open();
  await producer.ready;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  for (let index = 0; index < events; index += 1) {
    const { accepted } = emit(producer, index);
    // Waiting now and then is enough: what is beyond the buffer is bounded as well.
    if (index % 500 === 499) await accepted;
  }
  await producer.flush();
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const { acked, failed, retried } = producer.counts();
  await producer.close();
  const rate = Math.round(events / seconds).toLocaleString('en');
  const micros = ((cpu.user + cpu.system) / events).toFixed(2);
  const rss = Math.round(process.memoryUsage.rss() / 2 ** 20);
  print(
    `${rate} events/s acknowledged; ${micros} us CPU an event; ${String(rss)} MB resident; ` +
      `acked ${String(acked)}, failed ${String(failed)}, retried ${String(retried)}`,
  );
}

async function latency(perSecond: number, seconds: number): Promise<void> {
  const producer = open();
  await producer.ready;
  const taken: number[] = [];
  const pending: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let sent = 0; sent < perSecond * seconds;) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
    for (; sent < Math.min(due, perSecond * seconds); sent += 1) {
      const calledAt = performance.now();
      const { delivered } = emit(producer, sent);
      pending.push(delivered.then(() => void taken.push(performance.now() - calledAt)));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  await producer.close();
  taken.sort((a, b) => a - b);
  const at = (share: number): string => (taken[Math.floor(taken.length * share)] ?? 0).toFixed(1);
  print(
    `${String(perSecond)} events/s for ${String(seconds)} s, call to acknowledgement: ` +
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms`,
  );
}

for (let run = 0; run < Number(flags.runs); run += 1) await throughput(Number(flags.events));
await latency(1_000, Number(flags.seconds));
