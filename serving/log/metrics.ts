import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { ServeLogCounts } from './counts.ts';

/** Registers the serve log's metrics; its counts are read when they are asked for. */
export function registerServeLogMetrics(registry: Registry, counts: () => ServeLogCounts): void {
  const registers = [registry];
  new Counter({
    name: 'marquee_serve_log_records_total',
    help: 'Served lists by what became of their record; of lost ones the reason',
    labelNames: ['outcome', 'reason'],
    registers,
    collect() {
      const { appended, recovered, acknowledged, lostBy } = counts();
      this.reset();
      this.inc({ outcome: 'appended', reason: '' }, appended);
      this.inc({ outcome: 'recovered', reason: '' }, recovered);
      this.inc({ outcome: 'acknowledged', reason: '' }, acknowledged);
      for (const [reason, records] of Object.entries(lostBy))
        this.inc({ outcome: 'lost', reason }, records);
    },
  });
  const gauge = (name: string, help: string, value: (now: ServeLogCounts) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value(counts()));
      },
    });
  gauge(
    'marquee_serve_log_waiting_records',
    'Served lists in the spool that Kafka has not acknowledged',
    ({ waitingRecords }) => waitingRecords,
  );
  gauge(
    'marquee_serve_log_waiting_bytes',
    'Bytes in the spool that Kafka has not acknowledged',
    ({ waitingBytes }) => waitingBytes,
  );
  gauge(
    'marquee_serve_log_oldest_waiting_seconds',
    'Age of the oldest served list that Kafka has not acknowledged; 0 when none waits',
    ({ oldestWaitingMs }) => oldestWaitingMs / 1000,
  );
}
