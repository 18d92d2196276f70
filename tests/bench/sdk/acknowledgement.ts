import { setTimeout as delay } from 'node:timers/promises';
import { createProducer } from '../../../sdk/src/index.ts';
import { percentile } from '../runner/rate.ts';
import type { BenchStack } from '../runner/stack.ts';
import { MIXES } from './emit.ts';

export interface AcknowledgementResult {
  readonly perSecond: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** The time from a call of the SDK to its acknowledgement, at a steady rate of calls. */
export async function measureAcknowledgement(
  { brokers, registryUrl }: BenchStack,
  perSecond: number,
  seconds: number,
): Promise<AcknowledgementResult> {
  const producer = createProducer({ app: 'bench', brokers, registryUrl });
  await producer.ready;
  const takenMs: number[] = [];
  const pending: Promise<void>[] = [];
  const startedAt = performance.now();
  // A late timer sends what is due, so the rate holds.
  for (let sent = 0; sent < perSecond * seconds;) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
    for (; sent < Math.min(due, perSecond * seconds); sent++) {
      const calledAt = performance.now();
      const { delivered } = MIXES.mixed(producer, sent);
      pending.push(delivered.then(() => void takenMs.push(performance.now() - calledAt)));
    }
    await delay(1);
  }
  await Promise.all(pending);
  await producer.close();
  const at = (share: number): number => percentile(takenMs, share);
  return { perSecond, seconds, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}
