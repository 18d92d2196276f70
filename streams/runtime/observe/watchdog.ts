import { MarqueeError } from '../../../common/error.ts';

export interface Watchdog {
  /** A batch was committed, or partitions were given. */
  progress(): void;
  look(): void;
}

/**
 * Heartbeats say that a process lives, not that it works: when records are due, nothing is known to
 * be away, and none was applied for long, the process ends so that another takes its partitions.
 */
export function createWatchdog(options: {
  readonly name: string;
  readonly stallTimeoutMs: number;
  due(): boolean;
  excused(): boolean;
  /** What is under way, for the reason. */
  doing(): string;
  fail(error: Error): void;
}): Watchdog {
  let last = Date.now();
  return {
    progress() {
      last = Date.now();
    },
    look() {
      if (!options.due() || options.excused()) {
        last = Date.now();
        return;
      }
      const stalledMs = Date.now() - last;
      if (stalledMs <= options.stallTimeoutMs) return;
      options.fail(
        new MarqueeError(
          'MARQUEE_STALLED',
          `${options.name}: records are due and none was applied for ` +
            `${Math.round(stalledMs / 1000)} s (${options.doing()}); this process ends so that ` +
            'another takes over',
        ),
      );
    },
  };
}
