import type { Step } from './progress.ts';

/** A terminal redraws its line; elsewhere each update is one more. */
const UPDATE_MS = process.stderr.isTTY ? 100 : 5_000;

/** Passes updates on, as often as the output bears. */
export function throttled(step: Step): (text: string) => void {
  let nextAt = 0;
  return (text) => {
    const now = performance.now();
    if (now < nextAt) return;
    nextAt = now + UPDATE_MS;
    step.update(text);
  };
}
