import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { MarqueeError } from '../../common/error.ts';
import { loadConfig } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { createLog } from '../config/log.ts';
import { withSession } from '../config/session.ts';
import { withInterrupt } from '../terminal/interrupt.ts';
import { silentProgress } from '../terminal/progress.ts';
import { batchIsDue, type BatchTimes } from './due.ts';
import { requestOf, type BatchFlags, type BatchReport } from './run.ts';
import { runStage } from './stage.ts';

/** Time between two looks whether a run is due. */
const LOOK_MS = 30_000;

/** The command `marquee batch daily`: works until a signal, and survives what runs fail of. */
export async function batchDaily(flags: BatchFlags): Promise<void> {
  const config = loadConfig();
  const log = createLog(config.log.level);
  await withInterrupt(async (signal) => {
    log.info({ event: 'batch_waits' });
    while (!signal.aborted) {
      await runWhenDue(config, flags, log, signal);
      await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  });
}

async function runWhenDue(
  config: Config,
  flags: BatchFlags,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (!batchIsDue(await readTimes(config), Date.now())) return;
    const request = await requestOf(flags);
    const report = await runStage<BatchReport>(config, request, silentProgress);
    const { version, status, reason, metrics, seconds } = report;
    log.info({ event: 'batch_ran', version, status, reason, metrics, seconds });
  } catch (error) {
    // What a signal has cut short is no failure.
    if (signal.aborted) return;
    const code = error instanceof MarqueeError ? error.code : 'unknown';
    log.error({ event: 'batch_failed', code, reason: (error as Error).message });
  }
}

async function readTimes(config: Config): Promise<BatchTimes> {
  const [times] = await withSession(config.postgres.writerUrl, 'batch', (session) =>
    session.query<BatchTimes & Record<string, unknown>>(
      `SELECT (SELECT (extract(epoch FROM max(started_at)) * 1000)::bigint
                 FROM model_performance_logs) AS started,
              (SELECT (extract(epoch FROM max(started_at)) * 1000)::bigint
                 FROM model_performance_logs
                WHERE status NOT IN ('failed', 'running')) AS succeeded,
              (SELECT (extract(epoch FROM max(planned_at)) * 1000)::bigint
                 FROM archive_runs WHERE finished_at IS NOT NULL) AS archived,
              EXISTS (SELECT FROM pg_locks
                       WHERE locktype = 'advisory' AND granted AND objsubid = 1
                         AND database =
                             (SELECT oid FROM pg_database WHERE datname = current_database())
                         AND (classid::bigint << 32 | objid::bigint) IN
                             (hashtextextended('marquee.batch', 0),
                              hashtextextended('marquee.archive', 0))) AS busy,
              EXISTS (SELECT FROM archive_files WHERE replaced_at IS NULL)
                OR EXISTS (SELECT FROM rt_user_interactions) AS input,
              EXISTS (SELECT FROM active_model) AS serving`,
    ),
  );
  if (times === undefined) throw new Error('no row');
  return times;
}
