import { HOUR_MS } from '../../common/time.ts';

/** After a run that failed, or while no model serves, the next comes this much later. */
const RETRY_MS = HOUR_MS;
/** Without a run of the archive to follow, a run comes this long after the last good one. */
const AT_LEAST_EVERY_MS = 25 * HOUR_MS;

/** The facts to decide by; times are epoch ms, null where there was none. */
export interface BatchTimes {
  /** The begin of the last run, whatever became of it. */
  readonly started: number | null;
  /** The begin of the last run that did not fail. */
  readonly succeeded: number | null;
  /** The plan of the last run of the archive that has finished. */
  readonly archived: number | null;
  /** A run, or one of the archive, is under way. */
  readonly busy: boolean;
  /** There are archived or recent actions. */
  readonly input: boolean;
  /** A model serves. */
  readonly serving: boolean;
}

/**
 * A run is due after each run of the archive, and daily when that does not come; hourly as long as
 * no model serves (a young system has too little to judge by, and its runs are rejected).
 */
export function batchIsDue(times: BatchTimes, nowMs: number): boolean {
  const { started, succeeded, archived, busy, input, serving } = times;
  if (busy || !input) return false;
  const failed = started !== null && (succeeded === null || started > succeeded);
  if (failed && nowMs - started < RETRY_MS) return false;
  if (succeeded === null) return true;
  if (!serving && nowMs - succeeded >= RETRY_MS) return true;
  return (archived !== null && archived > succeeded) || nowMs - succeeded >= AT_LEAST_EVERY_MS;
}
