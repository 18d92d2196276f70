import type { Log } from '../../common/log.ts';
/** What the spool says to the log. */
export type SpoolLog = Pick<Log, 'info' | 'warn' | 'error'>;

/** Why a record is not, or no longer, on its way: see docs/errors.md. */
export const LOSS_REASONS = [
  'full',
  'write',
  'encode',
  'closed',
  'damaged',
  'refused',
  'unknown_version',
] as const;
export type LossReason = (typeof LOSS_REASONS)[number];

/** Counts what is lost, and rings at once, then at most once a second while more is. */
export interface Losses {
  readonly counts: Readonly<Record<LossReason, number>>;
  add(reason: LossReason, records: number, why: string): void;
  /** Says what was not said yet. */
  stop(): void;
}

const ALARM_EVERY_MS = 1_000;

export function createLosses(folder: string, log: SpoolLog): Losses {
  const counts: Record<LossReason, number> = {
    full: 0,
    write: 0,
    encode: 0,
    closed: 0,
    damaged: 0,
    refused: 0,
    unknown_version: 0,
  };
  const unsaid = new Map<LossReason, { records: number; why: string }>();
  let timer: NodeJS.Timeout | null = null;

  function ring(): void {
    timer = null;
    if (unsaid.size === 0) return;
    for (const [reason, { records, why }] of unsaid) {
      const total = counts[reason];
      log.error({ event: 'serve_log_lost', folder, reason, records, total, why });
    }
    unsaid.clear();
    timer = setTimeout(ring, ALARM_EVERY_MS);
    timer.unref();
  }

  return {
    counts,
    add(reason, records, why) {
      counts[reason] += records;
      unsaid.set(reason, { records: (unsaid.get(reason)?.records ?? 0) + records, why });
      if (timer === null) ring();
    },
    stop() {
      if (timer !== null) clearTimeout(timer);
      ring();
      if (timer !== null) clearTimeout(timer);
    },
  };
}
