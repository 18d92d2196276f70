import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** All metrics of the runtime, in the units their names say. One registry a process. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const processor = 'processor';
  return {
    registry,
    events: new Counter({
      name: 'marquee_events_total',
      help: 'Records by what became of them; for dead letters the reason',
      labelNames: [processor, 'outcome', 'reason'],
      registers,
    }),
    batchRows: new Histogram({
      name: 'marquee_batch_rows',
      help: 'Records in a committed batch',
      labelNames: [processor],
      buckets: [1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000],
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'marquee_batch_seconds',
      help: 'Time from decoding a batch to its COMMIT',
      labelNames: [processor],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15],
      registers,
    }),
    lagEvents: new Gauge({
      name: 'marquee_lag_events',
      help: 'Offsets between the log end and the tables',
      labelNames: [processor, 'partition'],
      registers,
    }),
    lagSeconds: new Gauge({
      name: 'marquee_lag_seconds',
      help: 'Age of the receipt that the tables are processed up to; 0 when nothing is due',
      labelNames: [processor, 'partition'],
      registers,
    }),
    lateEvents: new Counter({
      name: 'marquee_late_events_total',
      help: 'Events received more than the late horizon after they happened',
      labelNames: [processor, 'app'],
      registers,
    }),
    futureEvents: new Counter({
      name: 'marquee_future_events_total',
      help: 'Events dead-lettered since they happen after they were received',
      labelNames: [processor, 'app'],
      registers,
    }),
    rebalances: new Counter({
      name: 'marquee_rebalances_total',
      help: 'Times that partitions were given or taken',
      labelNames: [processor, 'kind'],
      registers,
    }),
    retries: new Counter({
      name: 'marquee_retries_total',
      help: 'Tries again, by error code',
      labelNames: [processor, 'code'],
      registers,
    }),
    halted: new Gauge({
      name: 'marquee_partition_halted',
      help: '1 while a partition is stopped for an operator to decide',
      labelNames: [processor, 'partition', 'code'],
      registers,
    }),
    queueBytes: new Gauge({
      name: 'marquee_queue_bytes',
      help: 'Fetched and not yet applied',
      labelNames: [processor],
      registers,
    }),
    published: new Counter({
      name: 'marquee_published_total',
      help: 'Messages published from an outbox',
      labelNames: [processor, 'outbox'],
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Apps name themselves: more than this many different ones become "other". */
const APPS_MAX = 200;

/** Keeps a label from growing without bound. */
export function createAppLabel(): (app: string) => string {
  const known = new Set<string>();
  return (app) => {
    if (known.has(app)) return app;
    if (known.size >= APPS_MAX) return 'other';
    known.add(app);
    return app;
  };
}
