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

/** Resolves with the promise, or after `ms`, whichever is first. */
export async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([promise, bound]);
  } finally {
    clearTimeout(timer);
  }
}
