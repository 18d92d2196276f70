import { setTimeout as delay } from 'node:timers/promises';
import { sqlState } from '../../connectors/postgres/errors.ts';
import { Rollback } from '../../connectors/postgres/transaction.ts';
import { compareAccounts, compareReplay } from './compare-replay.ts';
import type { ReplayOptions } from './replay-options.ts';
import { refused } from './replay-plan.ts';
import {
  livePositions,
  openReplaySession,
  replayedPositions,
  tellProgress,
} from './replay-context.ts';
import type { ReplayEnd, ReplayContext } from './replay-context.ts';
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
  context: ReplayContext,
): Promise<ReplayEnd | null> {
  try {
    return await (options.mode === 'compare' ? compare(options, context) : swap(options, context));
  } catch (error) {
    const state = sqlState(error);
    // Somebody reads the tables, or a batch and this waited for each other.
    if (state === '55P03' || state === '40P01') return null;
    if (state === '55000' || state === '2BP01')
      throw refused(error instanceof Error ? error.message : String(error));
    throw error;
  }
}

function swap(options: ReplayOptions, context: ReplayContext): Promise<ReplayEnd | null> {
  const { control, work, place } = context;
  return whileAligned(options, context, async (aligned) => {
    tellProgress(options, 'swapping', 1, 1);
    const comparisons = await compareAccounts(work, context);
    await finishReplay(control, options.processor, place);
    await options.history?.swapped(control);
    return { ...aligned, comparisons };
  });
}

/** Begins before live waits; its first query takes the snapshot, from which on live may go on. */
async function compare(options: ReplayOptions, context: ReplayContext): Promise<ReplayEnd | null> {
  const session = await openReplaySession(options, 'compare');
  try {
    return await session.transaction(async () => {
      const aligned = await whileAligned(options, context, async (at) => {
        tellProgress(options, 'comparing', 1, 1);
        await livePositions(session, context.place);
        return new Rollback(at);
      });
      if (aligned === null) return null;
      return { ...aligned, comparisons: await compareReplay(session, options.processor, context) };
    }, 'REPEATABLE READ READ ONLY');
  } finally {
    await session.close();
  }
}

type Aligned = Omit<ReplayEnd, 'comparisons'>;

/** Works in a transaction that keeps live at the replay's positions; null when it could not. */
function whileAligned<T>(
  options: ReplayOptions,
  context: ReplayContext,
  work: (aligned: Aligned) => Promise<T | Rollback<T>>,
): Promise<T | null> {
  const { control, place } = context;
  return control.transaction<T | null>(async () => {
    await control.execute(`SET LOCAL lock_timeout = '${ALIGN_MS}ms'`);
    const positions = await livePositions(control, place, 'FOR UPDATE');
    context.process.raise(positions);
    if (!(await reach(context, positions))) return new Rollback(null);
    const carriedOver = await completeCopies(context.work, options.processor, place);
    return work({ positions, carriedOver });
  });
}

async function reach(
  { work, place, process }: ReplayContext,
  positions: Positions,
): Promise<boolean> {
  const until = Date.now() + ALIGN_MS;
  while (Date.now() < until) {
    process.check();
    const now = await replayedPositions(work, place);
    if ([...positions].every(([partition, next]) => now.get(partition) === next)) return true;
    await delay(POLL_MS);
  }
  return false;
}
