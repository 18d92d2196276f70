import { setTimeout as delay } from 'node:timers/promises';
import { compactArchive } from '../../archive/maintenance/compact.ts';
import { expireFiles } from '../../archive/maintenance/expire.ts';
import { createArchiveMetrics } from '../../archive/metrics.ts';
import type { ArchiveMetrics } from '../../archive/metrics.ts';
import { runArchive } from '../../archive/ingest/run.ts';
import type { ArchiveContext } from '../../archive/context.ts';
import { isDue, nextRunAfter } from '../../archive/schedule.ts';
import { removeOrphans } from '../../archive/maintenance/remove-orphans.ts';
import { serveMetrics } from '../../streams/runtime/observe/metrics-server.ts';
import { MarqueeError } from '../../common/error.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { withInterrupt } from '../terminal/interrupt.ts';
import { archiveContext, storeOf } from './context.ts';

/** Time between two looks whether a run is due. */
const LOOK_MS = 30_000;

/** The command `marquee archive daily`: works until a signal, and survives what runs fail of. */
export async function archiveDaily(options: { readonly metricsPort?: number }): Promise<void> {
  const config = loadConfig();
  const store = storeOf(config);
  try {
    await withInterrupt(async (signal) => {
      const context = { ...archiveContext(config, store), signal };
      const port = options.metricsPort ?? config.runtime.metricsPort;
      await runDaily(config, context, port, signal);
    });
  } finally {
    store.close();
  }
}

async function runDaily(
  config: Config,
  context: ArchiveContext,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  const { log, settings } = context;
  const metrics = createArchiveMetrics();
  const { registry } = metrics;
  const server = await serveMetrics({ host: '127.0.0.1', port, registry, statuses: () => [] });
  log.info({
    event: 'archive_waits',
    schedule: settings.schedule,
    zone: settings.timeZone,
    next: new Date(nextRunAfter(settings, Date.now())).toISOString(),
    metrics: `http://127.0.0.1:${server.port}/metrics`,
  });
  try {
    while (!signal.aborted) {
      await runWhenDue(config, context, metrics);
      await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await server.close();
  }
}

async function runWhenDue(
  config: Config,
  context: ArchiveContext,
  metrics: ArchiveMetrics,
): Promise<void> {
  const { log } = context;
  try {
    if (!(await due(config))) return;
    const { drop, ...report } = await runArchive(context, null);
    metrics.rows.inc(report.rows);
    metrics.heldHours.set(drop.held.length);
    const { dropped, held } = drop;
    log.info({ event: 'archive_ran', ...report, dropped, held: held.length });
    await maintain(config, context);
    metrics.runs.inc({ result: 'ok' });
    metrics.lastSuccess.setToCurrentTime();
  } catch (error) {
    const code = error instanceof MarqueeError ? error.code : 'unknown';
    if (code === 'MARQUEE_ARCHIVE_STOPPED') return;
    metrics.runs.inc({ result: code });
    if (code === 'MARQUEE_ARCHIVE_MISMATCH') metrics.mismatches.inc();
    log.error({ event: 'archive_failed', code, reason: (error as Error).message });
  }
}

/**
 * Maintenance after a run: merges by rule, retention, and the removal of what nobody reads any
 * more.
 */
async function maintain(config: Config, context: ArchiveContext): Promise<void> {
  const { settings, store, log } = context;
  const merged = await compactArchive(context, { filesMin: settings.mergeFilesMin });
  if (merged.merges > 0) log.info({ event: 'archive_merged', ...merged });
  await withSession(config.postgres.writerUrl, 'archive', async (session) => {
    const expired = await expireFiles(session, { keepDays: settings.keepDays, dryRun: false });
    if (expired.length > 0) log.info({ event: 'archive_expired', files: expired.length });
    const removed = await removeOrphans(session, store, settings, { dryRun: false });
    if (removed.length > 0) log.info({ event: 'objects_removed', objects: removed.length });
  });
}

interface LastRun extends Record<string, unknown> {
  readonly planned: number;
  readonly finished: boolean;
}

async function due(config: Config): Promise<boolean> {
  const [last] = await withSession(config.postgres.writerUrl, 'archive', (session) =>
    session.query<LastRun>(
      `SELECT (extract(epoch FROM planned_at) * 1000)::bigint AS planned,
              finished_at IS NOT NULL AS finished
         FROM archive_runs ORDER BY id DESC LIMIT 1`,
    ),
  );
  if (last?.finished === false) return true;
  return isDue(config.archive, last?.planned ?? null, Date.now());
}
