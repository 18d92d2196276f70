import { HOUR_MS, MINUTE_MS } from '../../common/time.ts';

/** No list is kept for longer: also that of somebody who has been away for weeks. */
export const LIST_TTL_MS = HOUR_MS;

/** While the boost of the newest actions fades, a list is made anew after so long. */
const FADING_MS = 10 * MINUTE_MS;
/** Of the boost less than a fiftieth is left. */
const FADED_MS = 4 * HOUR_MS;

/**
 * Until when a list holds that was made now: what the newest actions boosted isn't for who comes back
 * later. Epoch ms; `lastAt` is the user's last action, null where there is none.
 */
export function holdsUntil(now: number, lastAt: number | null): number {
  const fading = lastAt !== null && now - lastAt < FADED_MS;
  return now + (fading ? FADING_MS : LIST_TTL_MS);
}
