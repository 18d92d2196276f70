import { openSession } from '../../connectors/postgres/session.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { createWriterThread } from '../format/writer-thread.ts';
import { finishBackfill, listBackfills, planBackfill, recordHistoryRange } from './backfill-log.ts';
import type { BackfillPlan, BackfillState } from './backfill-log.ts';
import { HISTORY_PARTITION, createHistoryRange, historyTopic } from './history.ts';
import type { History } from './history.ts';
import { withPatience } from '../context.ts';
import type { ArchiveContext } from '../context.ts';
import { storeRange } from '../ingest/store-range.ts';
import { lockArchive } from '../lock.ts';

export interface BackfillContext extends Pick<
  ArchiveContext,
  'postgresUrl' | 'store' | 'settings' | 'runtime' | 'log' | 'failpoint' | 'signal'
> {
  /** Called after each file that was verified. */
  onFile?(done: { readonly files: number; readonly rows: number }): void;
}

export interface BackfillReport extends BackfillState {
  /** All of it was there before; nothing was done. */
  readonly wasThere: boolean;
  /** A backfill that was cut short was gone on with. */
  readonly isResumed: boolean;
  readonly seconds: number;
}

/**
 * Brings a history into the archive under the dates at which it happened: cut, sorted, put, read
 * back and verified as what comes from Kafka is, and listed in the same manifest. What was recorded
 * is not done again, so a rerun finishes it with the same objects, and one more does nothing.
 * Throws MarqueeError MARQUEE_ARCHIVE_BUSY, MARQUEE_ARCHIVE_MISMATCH, MARQUEE_ARCHIVE_STOPPED, and
 * what the history throws.
 */
export async function backfill(
  context: BackfillContext,
  history: History,
): Promise<BackfillReport> {
  const started = performance.now();
  const topic = historyTopic(history.sha256);
  const begin = once((plannedAt: number) => history.begin(plannedAt));
  /** The plan as it was found first: a try after a fault meets its own traces. */
  let found = null as BackfillPlan | null;
  const state = await withPatience(context, async () => {
    const session = await openSession({
      url: context.postgresUrl,
      applicationName: 'marquee-backfill',
      statementTimeoutMs: context.runtime.statementTimeoutMs,
    });
    try {
      await lockArchive(session);
      const plan = await planBackfill(session, topic, history, context.settings);
      found ??= plan;
      if (!plan.isFinished) {
        await begin(plan.plannedAt);
        await ingestHistory(session, context, plan, history);
        await finishBackfill(session, topic);
      }
      const [state] = await listBackfills(session, topic);
      return state as BackfillState;
    } finally {
      await session.close();
    }
  });
  const seconds = (performance.now() - started) / 1000;
  const wasThere = found?.isFinished === true;
  return { ...state, wasThere, isResumed: !wasThere && found?.isResumed === true, seconds };
}

/** Only a call that succeeded counts. */
function once<T>(work: (value: T) => Promise<void>): (value: T) => Promise<void> {
  let isDone = false;
  return async (value) => {
    if (isDone) return;
    await work(value);
    isDone = true;
  };
}

/** Cuts the history into ranges by places and bytes alone, so a rerun cuts it alike. */
async function ingestHistory(
  session: Session,
  context: BackfillContext,
  plan: BackfillPlan,
  history: History,
): Promise<void> {
  const { store, failpoint, settings, signal } = context;
  const { topic, rowsMax, bytesMax } = plan;
  const done = { files: 0, rows: 0 };
  const writer = createWriterThread();
  let range = createHistoryRange();
  let from = plan.next;
  let next = from;

  function checkStop(): void {
    if (signal?.aborted === true)
      throw new MarqueeError('MARQUEE_ARCHIVE_STOPPED', 'stopped; a rerun finishes the backfill');
  }

  async function flush(): Promise<void> {
    const source = { topic, partition: HISTORY_PARTITION, from, to: next };
    const files = await storeRange(range, source, {
      store,
      prefix: settings.prefix,
      failpoint,
      writer,
      onFile({ checksums }) {
        checkStop();
        done.files++;
        done.rows += checksums.rows;
        context.onFile?.(done);
      },
    });
    failpoint('archive_verified');
    const { rows } = range.expected();
    await recordHistoryRange(session, { topic, from, to: next, rows, dead: range.dead, files });
    failpoint('archive_recorded');
    from = next;
    range = createHistoryRange();
  }

  try {
    for await (const batch of history.items(from)) {
      checkStop();
      for (const item of batch) {
        range.add(item);
        next = item.place + 1;
        if (range.places >= rowsMax || range.bytes >= bytesMax) await flush();
      }
    }
    if (range.places > 0) await flush();
  } finally {
    await writer.close();
  }
}
