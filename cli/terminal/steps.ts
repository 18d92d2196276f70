import { MarqueeError } from '../../common/error.ts';
import type { Progress, Step } from './progress.ts';

/** Runs one step of the set-up; `body` ends it with `done`. */
export async function stepOf<T>(
  progress: Progress,
  name: string,
  body: (step: Step) => Promise<T>,
): Promise<T> {
  const step = progress.step(name);
  try {
    return await body(step);
  } catch (error) {
    step.fail('failed');
    throw error;
  }
}

/** Waits for all, then throws what failed: one error as it is, several as one. */
export async function allOrErrors(tasks: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(tasks);
  const reasons = results
    .filter((result) => result.status === 'rejected')
    .map(({ reason }) => reason as Error);
  if (reasons.length === 0) return;
  if (reasons.length === 1) throw reasons[0] as Error;
  throw new MarqueeError(
    'MARQUEE_STACK_FAILED',
    reasons.map(({ message }) => message).join('\n\n'),
    { cause: reasons[0] },
  );
}
