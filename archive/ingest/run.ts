import { openSession } from '../../connectors/postgres/session.ts';
import { withPatience } from '../context.ts';
import type { ArchiveContext } from '../context.ts';
import { lockArchive } from '../lock.ts';
import { dropArchivedHours } from '../maintenance/drop-hours.ts';
import type { DropReport } from '../maintenance/drop-hours.ts';
import { ingestPlan } from './ingest-plan.ts';
import type { IngestTotals } from './ingest-plan.ts';
import { checkRetention, planRun } from './plan.ts';
import { finishRun } from './run-log.ts';
import type { RunPlan } from './run-log.ts';

export interface ArchiveReport {
  readonly run: number;
  /** Epoch ms: what was received before is in the archive. */
  readonly until: number;
  /** A plan of an earlier run was finished. */
  readonly resumed: boolean;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  readonly drop: DropReport;
  readonly seconds: number;
}

/**
 * One run of the archive: plan, ingest, and then drop from the hot table what it no longer has to
 * hold. A fault that may pass is retried; the plan stays, whoever finishes it. `until` is in epoch
 * ms; without it everything that left the window is ingested. Throws MarqueeError
 * MARQUEE_ARCHIVE_BUSY, MARQUEE_ARCHIVE_RETENTION, MARQUEE_ARCHIVE_MISMATCH,
 * MARQUEE_OFFSET_OUTSIDE_LOG, MARQUEE_TOPIC_REPLACED.
 */
export async function runArchive(
  context: ArchiveContext,
  until: number | null,
): Promise<ArchiveReport> {
  const started = performance.now();
  const totals = { rows: 0, files: 0, bytes: 0 };
  const { plan, drop } = await withPatience(context, () => tryRun(context, until, totals));
  const { run, resumed, until: reached } = plan;
  const seconds = (performance.now() - started) / 1000;
  return { run, until: reached, resumed, ...totals, drop, seconds };
}

async function tryRun(
  context: ArchiveContext,
  until: number | null,
  totals: IngestTotals,
): Promise<{ plan: RunPlan; drop: DropReport }> {
  const session = await openSession({
    url: context.postgresUrl,
    applicationName: 'marquee-archive',
    statementTimeoutMs: context.runtime.statementTimeoutMs,
  });
  try {
    await lockArchive(session);
    await checkRetention(context);
    const plan = await planRun(session, context, until);
    await ingestPlan(session, context, plan, totals);
    await finishRun(session, plan.run);
    context.failpoint('archive_before_drop');
    return { plan, drop: await dropArchivedHours(session, context) };
  } finally {
    await session.close();
  }
}
