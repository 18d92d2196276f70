import { sqlState } from '../connectors/postgres/errors.ts';
import { openSession } from '../connectors/postgres/session.ts';
import type { Session } from '../connectors/postgres/session.ts';
import { every } from '../common/timers.ts';
import type { Log } from '../common/log.ts';
import { keepMs, RETAINED_TABLES } from './retention-settings.ts';
import type { RetainedTable, RetentionSettings } from './retention-settings.ts';
import { HOUR_MS } from '../common/time.ts';

export interface RetentionStep {
  readonly table: string;
  /** ISO 8601: partitions that end at or before this may go; null while that can't be said. */
  readonly before: string | null;
  /** Partitions dropped, or with a dry run those that would be. */
  readonly dropped: readonly string[];
  /** The reason for which nothing was done, if so. */
  readonly held: string | null;
}

/**
 * Drops the partitions that are older than configured, and never one into which an event may
 * still come: the processor must have applied all that was received for a late horizon and an hour
 * beyond.
 * Any number of processes may call it at once.
 */
export async function applyRetention(
  session: Session,
  settings: RetentionSettings,
  options: { readonly dryRun: boolean; readonly nowMs: number },
): Promise<RetentionStep[]> {
  const steps: RetentionStep[] = [];
  for (const retained of RETAINED_TABLES) {
    const oldestMs = options.nowMs - keepMs(retained, settings);
    steps.push(await dropFrom(session, retained, oldestMs, options));
  }
  return steps;
}

async function dropFrom(
  session: Session,
  { table, processor }: RetainedTable,
  oldestMs: number,
  { dryRun }: { readonly dryRun: boolean },
): Promise<RetentionStep> {
  const [row] = await session.query<{ before: string | null }>(
    `SELECT to_json(least(to_timestamp($2 / 1000.0), applied - interval '25 hours')) #>> '{}'
       AS before
     FROM applied_until($1) AS applied WHERE applied IS NOT NULL`,
    [processor, oldestMs],
  );
  const before = row?.before ?? null;
  if (before === null)
    return { table, before, dropped: [], held: `${processor} has not read all partitions yet` };
  try {
    const dropped = await session.query<{ name: string }>(
      'SELECT drop_partitions_before($1::regclass, $2, $3) AS name',
      [table, before, dryRun],
    );
    return { table, before, dropped: dropped.map(({ name }) => name), held: null };
  } catch (error) {
    if (sqlState(error) !== '55P03') throw error;
    return { table, before, dropped: [], held: 'the table is in use; the next call tries again' };
  }
}

/** Calls `applyRetention` now and every hour, each over a connection; failures are only logged. */
export function keepRetention(options: {
  readonly url: string;
  readonly settings: RetentionSettings;
  readonly log: Log;
}): () => void {
  const work = async (): Promise<void> => {
    const session = await openSession({ url: options.url, applicationName: 'marquee-retention' });
    try {
      const now = { dryRun: false, nowMs: Date.now() };
      for (const step of await applyRetention(session, options.settings, now))
        if (step.dropped.length > 0) options.log.info({ event: 'partitions_dropped', ...step });
    } finally {
      await session.close();
    }
  };
  const failed = (error: unknown): void => {
    options.log.warn({ event: 'retention_failed', reason: String(error) });
  };
  work().catch(failed);
  return every(HOUR_MS, work, failed);
}
