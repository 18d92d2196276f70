/** Calls again and again, one call at a time; a failure is only told. Returns the way to end it. */
export function every(
  ms: number,
  work: () => Promise<void> | void,
  failed: (error: unknown) => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const next = () => {
    timer = setTimeout(() => {
      Promise.resolve()
        .then(work)
        .catch(failed)
        .finally(() => {
          if (!over) next();
        });
    }, ms);
  };
  next();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}

/** Waits for the promise, at most `ms`; true when it was settled by then. Rejects when it does. */
export async function settledWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  return withDeadline(
    ms,
    promise.then(() => true),
    () => false,
  );
}

/** The promise's result, or what `late` returns (or throws) when it took longer than `ms`. */
export async function withDeadline<T>(ms: number, promise: Promise<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<T>((resolve) => {
    timer = setTimeout(() => {
      resolve(Promise.resolve().then(late));
    }, ms);
  });
  promise.catch(() => undefined); // after its time its failure is nobody's
  try {
    return await Promise.race([promise, bound]);
  } finally {
    clearTimeout(timer);
  }
}
