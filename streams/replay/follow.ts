import { setTimeout as delay } from 'node:timers/promises';
import type { ReplayOptions } from './replay-options.ts';
import type { ReplayStart } from './replay-plan.ts';
import { assertWanted, livePositions, replayedPositions, tellProgress } from './replay-context.ts';
import type { ReplayContext } from './replay-context.ts';
import type { Positions } from './shadow-tables.ts';

/** Offsets that may be left when the live processor is made to wait for the replay. */
const CLOSE_ENOUGH_OFFSETS = 50_000;
const POLL_MS = 200;

/** Offsets that were read again, and all that are to be: from the starts up to `limits`. */
export function offsetsDone(
  starts: readonly ReplayStart[],
  limits: Positions,
  replayed: Positions,
): { readonly done: number; readonly due: number } {
  let done = 0;
  let due = 0;
  for (const { partition, from } of starts) {
    const to = Math.max(from, limits.get(partition) ?? from);
    const now = replayed.get(partition) ?? from;
    due += to - from;
    done += Math.min(to, Math.max(from, now)) - from;
  }
  return { done, due };
}

/** Follows the live processor until little is left. */
export async function catchUp(options: ReplayOptions, context: ReplayContext): Promise<void> {
  await waitUntilLeft(CLOSE_ENOUGH_OFFSETS, options, context, async () => {
    const limits = await livePositions(context.work, context.place);
    context.process.raise(limits);
    return limits;
  });
}

/** Waits until the replay stands at fixed positions; the live processor is not waited for. */
export async function reachLimits(
  options: ReplayOptions,
  context: ReplayContext,
  limits: Positions,
): Promise<void> {
  await waitUntilLeft(0, options, context, () => Promise.resolve(limits));
}

async function waitUntilLeft(
  leftMax: number,
  options: ReplayOptions,
  { work, place, starts, process }: ReplayContext,
  limitsNow: () => Promise<Positions>,
): Promise<void> {
  for (;;) {
    process.check();
    assertWanted(options.signal);
    const limits = await limitsNow();
    const { done, due } = offsetsDone(starts, limits, await replayedPositions(work, place));
    tellProgress(options, 'replaying', done, due);
    if (due - done <= leftMax) return;
    await delay(POLL_MS);
  }
}
