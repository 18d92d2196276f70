import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { createTally } from '../../../../serving/log/counts.ts';
import { createLosses } from '../../../../serving/log/losses.ts';
import { registerServeLogMetrics } from '../../../../serving/log/metrics.ts';
import { memoryLog } from '../../../support/serving/spool.ts';

it('shows what became of every record, as it is when asked for', async () => {
  const registry = new Registry();
  const losses = createLosses('spool', memoryLog());
  const start = { records: 3, bytes: 300, torn: 1, oldestMs: Date.now() - 5_000 };
  const tally = createTally(start, losses);
  registerServeLogMetrics(registry, () => tally.counts(null));
  const valueOf = async (metric: string) => {
    const line = (await registry.metrics()).split('\n').find((l) => l.startsWith(`${metric} `));
    return Number(line?.split(' ').at(-1));
  };
  const records = (outcome: string, reason = '') =>
    valueOf(`marquee_serve_log_records_total{outcome="${outcome}",reason="${reason}"}`);

  tally.written(10, 1_000);
  expect(await records('appended')).toBe(10);
  expect(await records('recovered')).toBe(3);
  expect(await valueOf('marquee_serve_log_waiting_records')).toBe(13);
  expect(await valueOf('marquee_serve_log_waiting_bytes')).toBe(1_300);
  const age = await valueOf('marquee_serve_log_oldest_waiting_seconds');
  expect(age).toBeGreaterThanOrEqual(5);

  // One of the four that were sent is more than Kafka takes, and one never got into the spool.
  losses.add('refused', 1, 'too large');
  losses.add('full', 1, 'full');
  tally.settled(4, 400);
  expect(await records('acknowledged')).toBe(3);
  expect(await records('lost', 'refused')).toBe(1);
  expect(await records('lost', 'full')).toBe(1);
  expect(await valueOf('marquee_serve_log_waiting_records')).toBe(9);

  tally.settled(9, 900);
  tally.caughtUp();
  expect(await records('acknowledged')).toBe(12);
  expect(await valueOf('marquee_serve_log_waiting_records')).toBe(0);
  expect(await valueOf('marquee_serve_log_oldest_waiting_seconds')).toBe(0);
  losses.stop();
});
