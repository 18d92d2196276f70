import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 25;

/**
 * Waits until `look` gives something other than undefined, null or false, and returns it. Throws
 * after `withinMs`, naming what was awaited and what was seen last. A look that throws counts as
 * "not yet": servers are away on purpose here.
 */
export async function until<T>(
  what: string,
  withinMs: number,
  look: () => T | Promise<T>,
  seen?: () => unknown,
): Promise<Exclude<T, null | undefined | false>> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== null && found !== false)
        return found as Exclude<T, null | undefined | false>;
      last = found;
    } catch (error) {
      last = error instanceof Error ? error.message : error;
    }
    if (performance.now() > deadline) {
      const state = seen === undefined ? String(last) : JSON.stringify(await seen());
      throw new Error(`waited ${withinMs / 1000} s for ${what}; last: ${state}`);
    }
    await delay(POLL_MS);
  }
}
