import { MarqueeError } from '../../../common/error.ts';
import { HOUR_MS } from '../../../common/time.ts';

/** The span in which the ratings of an import come to lie: whole milliseconds, in (from, until]. */
export interface LiveWindow {
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * 12 hours; less where the late horizon is near, so that the oldest rating has half of the horizon
 * left to be received in.
 */
export function liveSpanMs(lateHorizonMs: number): number {
  return Math.min(12 * HOUR_MS, Math.floor(lateHorizonMs / 2));
}

export function windowBefore(untilMs: number, spanMs: number): LiveWindow {
  return { fromMs: untilMs - spanMs, untilMs };
}

/**
 * True while events in that window can still be received in time, with a quarter of an hour to
 * spare for the sending.
 */
export function stillCounts(window: LiveWindow, nowMs: number, lateHorizonMs: number): boolean {
  return window.fromMs - nowMs + lateHorizonMs >= HOUR_MS / 4;
}

/**
 * The instant of the rating at `rank` (from 0) among `count` in order of time: evenly spread, so
 * that a burst of ratings in one second becomes a sequence, each with an instant of its own. The
 * last one has the window's end.
 */
export function instantOf(rank: number, count: number, window: LiveWindow): number {
  const spanMs = window.untilMs - window.fromMs;
  return window.fromMs + Math.floor(((rank + 1) * spanMs) / count);
}

/** Throws MARQUEE_IMPORT_TOO_MANY when there are more ratings than milliseconds. */
export function checkRoom(count: number, window: LiveWindow): void {
  const room = window.untilMs - window.fromMs;
  if (count <= room) return;
  throw new MarqueeError(
    'MARQUEE_IMPORT_TOO_MANY',
    `${count} ratings don't fit into ${room} ms with an instant for each; ` +
      'import a part of them, or all without --as-live',
  );
}

/**
 * Reads --until: `now`, or a time with a zone. Throws MARQUEE_IMPORT_UNTIL when it is no time, in
 * the future, or so old that events would be received too late for the tables.
 */
export function parseUntil(
  text: string,
  spanMs: number,
  nowMs: number,
  lateHorizonMs: number,
): number {
  if (text === 'now') return nowMs;
  const zoned = /^\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})$/.test(text);
  const ms = zoned ? Date.parse(text) : NaN;
  const fault = Number.isNaN(ms)
    ? 'is not a time such as 2026-11-22T21:00:00Z (or `now`)'
    : ms > nowMs
      ? 'is in the future'
      : stillCounts(windowBefore(ms, spanMs), nowMs, lateHorizonMs)
        ? null
        : `is too long ago: the first events would be older than the late horizon of ` +
          `${lateHorizonMs / HOUR_MS} h`;
  if (fault === null) return ms;
  throw new MarqueeError('MARQUEE_IMPORT_UNTIL', `--until ${text} ${fault}`);
}
