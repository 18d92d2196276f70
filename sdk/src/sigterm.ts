/** The part of a producer that a drain needs. */
export interface Drainable {
  flush(): Promise<void>;
  close(options: { readonly timeoutMs: number }): Promise<void>;
}

/** Orchestrators commonly kill 30 s after the signal, some after 10. */
const DRAIN_TIMEOUT_MS = 9_000;

/**
 * Sends what is buffered when the process is asked to end. A listener takes Node's own ending on
 * the signal away, so where this is the only one, the signal is raised again afterwards.
 *
 * @returns takes the listener away
 */
export function drainOnSigterm(producer: Drainable): () => void {
  const onSignal = (): void => {
    void drain();
  };
  async function drain(): Promise<void> {
    const own = process.listeners('SIGTERM').every((listener) => drains.has(listener));
    if (!own) {
      await producer.flush();
      return;
    }
    await producer.close({ timeoutMs: DRAIN_TIMEOUT_MS });
    process.removeListener('SIGTERM', onSignal);
    drains.delete(onSignal);
    if (process.listenerCount('SIGTERM') === 0) process.kill(process.pid, 'SIGTERM');
  }
  drains.add(onSignal);
  process.on('SIGTERM', onSignal);
  return () => {
    process.removeListener('SIGTERM', onSignal);
    drains.delete(onSignal);
  };
}

/** Listeners of all producers in the process: none of them counts as the application's. */
const drains = new Set<unknown>();
