export interface OrderedQueue {
  /**
   * Begins work once there is room for it. `before` ends when all work that was added before has
   * ended, and fails when any of it has. Throws what work added before has failed with.
   */
  add(work: (before: Promise<void>) => Promise<void>): Promise<void>;
  /** Takes no more; waits until all work has ended, then throws the first failure. */
  close(): Promise<void>;
}

/** Runs at most `width` pieces of work at a time; each can wait for those before it. */
export function createOrderedQueue(width: number): OrderedQueue {
  const pending: Promise<void>[] = [];
  let failure: Error | null = null;
  let closed = false;
  return {
    async add(work) {
      if (failure !== null) throw failure;
      if (pending.length === width) {
        await pending[0];
        void pending.shift();
      }
      if (closed) throw new Error('the queue is closed');
      const done = work(pending.at(-1) ?? Promise.resolve());
      // Thrown by the next `add`, or by `close`.
      done.catch((error: unknown) => {
        failure ??= error as Error;
      });
      pending.push(done);
    },
    async close() {
      closed = true;
      await Promise.allSettled(pending);
      await Promise.all(pending);
    },
  };
}
