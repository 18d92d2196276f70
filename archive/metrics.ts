import { Counter, Gauge, Registry } from 'prom-client';

/** Metrics of `marquee archive daily`. */
export function createArchiveMetrics() {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    runs: new Counter({
      name: 'marquee_archive_runs_total',
      help: 'Runs of the archive with what follows them, by result: ok, or the code of the error',
      labelNames: ['result'],
      registers,
    }),
    mismatches: new Counter({
      name: 'marquee_archive_mismatches_total',
      help:
        'Times that the store gave back something else than it was given, or not the events ' +
        'of the log',
      registers,
    }),
    rows: new Counter({
      name: 'marquee_archive_rows_total',
      help: 'Events that were archived',
      registers,
    }),
    heldHours: new Gauge({
      name: 'marquee_archive_held_hours',
      help: 'Hours beyond the window that the last run left in the hot table',
      registers,
    }),
    lastSuccess: new Gauge({
      name: 'marquee_archive_last_success_timestamp_seconds',
      help: 'When a run last ended well, in Unix time',
      registers,
    }),
  };
}

export type ArchiveMetrics = ReturnType<typeof createArchiveMetrics>;
