import { Cron } from 'croner';
import { MarqueeError } from '../common/error.ts';

/** Times at which the archive runs: five fields of cron in an IANA time zone. */
export interface Schedule {
  readonly schedule: string;
  readonly timeZone: string;
}

/**
 * The first time after `afterMs` (epoch ms) at which a run is to begin. A local time that a day
 * doesn't have begins when the clock has passed it; one that it has twice begins once.
 * Throws MarqueeError MARQUEE_CONFIG_INVALID.
 */
export function nextRunAfter({ schedule, timeZone }: Schedule, afterMs: number): number {
  let next: Date | null;
  try {
    next = new Cron(schedule, { timezone: timeZone, paused: true }).nextRun(new Date(afterMs));
  } catch (cause) {
    throw new MarqueeError(
      'MARQUEE_CONFIG_INVALID',
      `archive.schedule ${JSON.stringify(schedule)} in archive.timeZone ` +
        `${JSON.stringify(timeZone)}: ${(cause as Error).message}. Wanted are five fields of ` +
        `cron and an IANA name, e.g. '0 2 * * *' and 'Europe/Berlin'`,
      { cause },
    );
  }
  if (next === null)
    throw new MarqueeError(
      'MARQUEE_CONFIG_INVALID',
      `archive.schedule ${JSON.stringify(schedule)} never comes: wanted are five fields of cron`,
    );
  return next.getTime();
}

/**
 * True when a run is due, by the time at which the last one was planned and never by a tick: so
 * runs that were missed are caught up by one, and a clock that was set back repeats none.
 */
export function isDue(schedule: Schedule, lastPlannedMs: number | null, nowMs: number): boolean {
  return lastPlannedMs === null || nextRunAfter(schedule, lastPlannedMs) <= nowMs;
}
