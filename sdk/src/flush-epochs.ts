import { createFifo } from './fifo.ts';

/** Events handed over between two flushes. */
export interface Epoch {
  /** Those that are neither acknowledged nor failed. */
  open: number;
}

/**
 * A flush waits for the events handed over before it and for no others, so it ends although others
 * go on emitting: it closes the epoch of its events and begins one for those that follow.
 */
export interface FlushEpochs {
  /** The epoch of events that are handed over now. */
  readonly current: Epoch;
  /** Resolves when nothing is open in the current epoch, which is over now, and in those before. */
  flush(): Promise<void>;
  /** Resolves the flushes that have nothing left to wait for; true while others wait. */
  resolveSettled(): boolean;
}

interface Flush {
  readonly epoch: Epoch;
  done(): void;
}

export function createFlushEpochs(): FlushEpochs {
  let current: Epoch = { open: 0 };
  /** Oldest first. */
  const flushes = createFifo<Flush>();
  return {
    get current() {
      return current;
    },
    flush: () =>
      new Promise((done) => {
        flushes.push({ epoch: current, done });
        current = { open: 0 };
      }),
    resolveSettled() {
      for (let next = flushes.peek(); next?.epoch.open === 0; next = flushes.peek()) {
        flushes.shift();
        next.done();
      }
      return flushes.length > 0;
    },
  };
}
