import type { ListCache, ListKey } from '../cache/list-cache.ts';
import type { Guard, Guarded } from './guarded.ts';

/** Looks for a list in Redis, within the guard's budget. */
export type LookUp = (key: ListKey) => Promise<Guarded<Buffer | null>>;

/** What is asked for in one turn of the event loop comes by one command, and has one budget. */
export function createLookUp(cache: ListCache, guard: Guard): LookUp {
  let keys: ListKey[] = [];
  let waiting: ((found: Guarded<Buffer | null>) => void)[] = [];

  function ask(): void {
    const asked = keys;
    const told = waiting;
    keys = [];
    waiting = [];
    void guard
      .ask(() => cache.getAll(asked))
      .then((found) => {
        if (found.kind === 'failed') for (const tell of told) tell(found);
        else told.forEach((tell, i) => tell({ kind: 'got', value: found.value[i] ?? null }));
      });
  }

  return (key) =>
    new Promise((resolve) => {
      if (keys.length === 0) setImmediate(ask);
      keys.push(key);
      waiting.push(resolve);
    });
}
