import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import type { EventResult } from './events/take-events.ts';
import { createRequestFigures } from './request-figures.ts';

/** All metrics of the API, in the units their names say. One registry a process. */
export function createApiMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const gauge = (name: string, help: string, look: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(look());
      },
    });
  gauge('marquee_api_event_loop_delay_p99_seconds', 'Since the last scrape', () => {
    const seconds = delay.percentile(99) / 1e9;
    delay.reset();
    return seconds;
  });
  return {
    registry,
    gauge,
    requests: createRequestFigures(registry),
    rateLimited: new Counter({
      name: 'marquee_api_rate_limited_total',
      help: 'Requests refused since their key made too many',
      labelNames: ['app'],
      registers,
    }),
    events: new Counter({
      name: 'marquee_api_events_total',
      help: 'Events by what became of them: 202, 400 or 503, and why',
      labelNames: ['status', 'code'],
      registers,
    }),
    close() {
      delay.disable();
    },
  };
}

export type ApiMetrics = ReturnType<typeof createApiMetrics>;

export function countEvents(metrics: ApiMetrics, results: readonly EventResult[]): void {
  for (const { status, code } of results)
    metrics.events.inc({ status: String(status), code: code ?? '' });
}
