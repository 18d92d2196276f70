import { MarqueeError } from '../../common/error.ts';
import type { Progress, Step } from '../terminal/progress.ts';

/** A line of the Python side's standard output (batch/marquee_batch/progress.py). */
export interface StageLine {
  readonly step?: string;
  readonly state?: 'begun' | 'under_way' | 'done' | 'failed';
  readonly text?: string;
  readonly note?: string;
  readonly error?: string;
  readonly message?: string;
  readonly result?: unknown;
}

/** Null for text that Spark or a library has printed. */
export function parseLine(text: string): StageLine | null {
  if (!text.startsWith('{')) return null;
  try {
    return JSON.parse(text) as StageLine;
  } catch {
    return null;
  }
}

/** The end of a stage, and all by which it is judged. */
export interface StageEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  /** The last of each kind that it said, if it did. */
  readonly error: StageLine | null;
  readonly result: StageLine | null;
  /** The last line on standard error that was not blank. */
  readonly lastWords: string;
  readonly logFile: string;
}

/**
 * The result that the stage gave. Throws its own error where it named one, else
 * MARQUEE_BATCH_FAILED with its last words.
 */
export function resultOf({ code, error, result, lastWords, logFile }: StageEnd): unknown {
  if (error?.error !== undefined) throw new MarqueeError(error.error, error.message ?? error.error);
  if (code === 0 && result !== null) return result.result;
  throw new MarqueeError(
    'MARQUEE_BATCH_FAILED',
    `the batch stage ended with ${code === null ? 'a signal' : `exit code ${code}`}; ` +
      `its last words: ${lastWords} (all of them: ${logFile})`,
  );
}

export function createSteps(progress: Progress): { show(line: StageLine): void } {
  const open = new Map<string, Step>();
  return {
    show({ step: name, state, text = '', note }) {
      if (note !== undefined) progress.note(note);
      if (name === undefined) return;
      if (state === 'begun') open.set(name, progress.step(name));
      const step = open.get(name);
      if (state === 'under_way') step?.update(text);
      if (state === 'done') step?.done(text);
      if (state === 'failed') step?.fail('not finished');
    },
  };
}
