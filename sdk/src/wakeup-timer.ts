import { steadyNow } from '../../common/steady-clock.ts';

/** One timer, armed for the earliest of the times asked for. */
export interface WakeupTimer {
  /** Wakes up at that time of the steady clock or before; never for Infinity. */
  wakeBy(at: number): void;
  /** Forgets the times asked for. */
  clear(): void;
  /** Clears for good. */
  stop(): void;
}

export function createWakeupTimer(wakeup: () => void): WakeupTimer {
  let timer: NodeJS.Timeout | null = null;
  let wakeAt = Infinity;
  let stopped = false;

  function clear(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    wakeAt = Infinity;
  }

  return {
    wakeBy(at) {
      if (at >= wakeAt || stopped) return;
      wakeAt = at;
      if (timer !== null) clearTimeout(timer);
      timer = setTimeout(wakeup, Math.max(0, at - steadyNow()));
    },
    clear,
    stop() {
      stopped = true;
      clear();
    },
  };
}
