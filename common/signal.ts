/** A wake-up call for everybody who waits at that moment. */
export interface Signal {
  raise(): void;
  /** Settles when raised, and after `ms` at the latest where a time is given. */
  wait(ms?: number): Promise<void>;
}

export function createSignal(): Signal {
  const waiting = new Set<() => void>();
  return {
    raise: () => {
      for (const done of waiting) done();
    },
    wait: (ms) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        };
        const timer = ms === undefined ? undefined : setTimeout(done, ms);
        waiting.add(done);
      }),
  };
}
