import { setTimeout as delay } from 'node:timers/promises';
import { sqlState } from '../../connectors/postgres/errors.ts';
import { Rollback } from '../../connectors/postgres/transaction.ts';
import { compareAccounts, compareReplay } from './compare-replay.ts';
import type { ReplayOptions } from './replay-options.ts';
import { refused } from './replay-plan.ts';
import { livePositions, openReplaySession, replayedPositions, tellProgress } from './replay-run.ts';
import type { ReplayEnd, ReplayRun } from './replay-run.ts';
import { completeCopies, finishReplay } from './shadow-tables.ts';
import type { Positions } from './shadow-tables.ts';

/** Well below the statement timeout of the batches that wait meanwhile. */
export const ALIGN_MS = 8_000;
const POLL_MS = 20;

/**
 * Makes the live processor wait until the replay stands where it stands, then compares or swaps.
 * Null when that took too long or the tables were locked by others: then it is tried again.
 */
export async function endAligned(
  options: ReplayOptions,
  run: ReplayRun,
): Promise<ReplayEnd | null> {
  try {
    return await (options.mode === 'compare' ? compare(options, run) : swap(options, run));
  } catch (error) {
    const state = sqlState(error);
    // Somebody reads the tables, or a batch and this waited for each other.
    if (state === '55P03' || state === '40P01') return null;
    if (state === '55000' || state === '2BP01')
      throw refused(error instanceof Error ? error.message : String(error));
    throw error;
  }
}

function swap(options: ReplayOptions, run: ReplayRun): Promise<ReplayEnd | null> {
  const { control, work, place } = run;
  return whileAligned(options, run, async (aligned) => {
    tellProgress(options, 'swapping', 1, 1);
    const comparisons = await compareAccounts(work, run);
    await finishReplay(control, options.processor, place);
    await options.history?.swapped(control);
    return { ...aligned, comparisons };
  });
}

async function compare(options: ReplayOptions, run: ReplayRun): Promise<ReplayEnd | null> {
  const session = await openReplaySession(options, 'compare');
  try {
    return await session.transaction(async () => {
      const aligned = await whileAligned(options, run, async (at) => {
        tellProgress(options, 'comparing', 1, 1);
        // The first query takes the snapshot: from here on live may go on.
        await livePositions(session, run.place);
        return new Rollback(at);
      });
      if (aligned === null) return null;
      return { ...aligned, comparisons: await compareReplay(session, options.processor, run) };
    }, 'REPEATABLE READ READ ONLY');
  } finally {
    await session.close();
  }
}

type Aligned = Omit<ReplayEnd, 'comparisons'>;

/** Works in a transaction that keeps live at the replay's positions; null when it could not. */
function whileAligned<T>(
  options: ReplayOptions,
  run: ReplayRun,
  work: (aligned: Aligned) => Promise<T | Rollback<T>>,
): Promise<T | null> {
  const { control, place } = run;
  return control.transaction<T | null>(async () => {
    await control.execute(`SET LOCAL lock_timeout = '${ALIGN_MS}ms'`);
    const positions = await livePositions(control, place, 'FOR UPDATE');
    run.process.raise(positions);
    if (!(await reach(run, positions))) return new Rollback(null);
    const carriedOver = await completeCopies(run.work, options.processor, place);
    return work({ positions, carriedOver });
  });
}

async function reach({ work, place, process }: ReplayRun, positions: Positions): Promise<boolean> {
  const until = Date.now() + ALIGN_MS;
  while (Date.now() < until) {
    process.check();
    const now = await replayedPositions(work, place);
    if ([...positions].every(([partition, next]) => now.get(partition) === next)) return true;
    await delay(POLL_MS);
  }
  return false;
}
