/** Counts requests from their head to the end of their answer. */
export interface UnderWay {
  begin(): void;
  end(): void;
  /** Resolves when there is none. */
  quiet(): Promise<void>;
}

export function createUnderWay(): UnderWay {
  let count = 0;
  const waiting = new Set<() => void>();
  return {
    begin() {
      count++;
    },
    end() {
      count--;
      if (count > 0) return;
      for (const done of waiting) done();
      waiting.clear();
    },
    quiet: () =>
      count === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.add(resolve);
          }),
  };
}
