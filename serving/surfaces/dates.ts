import { DAY_MS } from '../../common/time.ts';

/** Epoch ms of a date (its beginning, in UTC) or a time. */
export function momentOf(text: string): number {
  return Date.parse(text);
}

/** Epoch ms of the first moment after a date, or of a time: "until" a day holds the day. */
export function dayEnd(text: string): number {
  return momentOf(text) + (text.includes('T') ? 0 : DAY_MS);
}
