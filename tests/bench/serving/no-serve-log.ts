import type { ServeLog, ServeLogOptions } from '../../../serving/log/serve-log.ts';
import { createLosses } from '../../../serving/log/losses.ts';
import { createTally } from '../../../serving/log/counts.ts';

/** A serve log that keeps nothing, to be measured against the one that does. */
export function openNoServeLog({ folder, log }: ServeLogOptions): Promise<ServeLog> {
  const losses = createLosses(folder, log);
  const nothing = { records: 0, bytes: 0, torn: 0, oldestMs: null };
  const { counts } = createTally(nothing, losses);
  return Promise.resolve({
    append: () => Promise.resolve(),
    appendParts: () => Promise.resolve(),
    find: () => null,
    counts: () => counts(null),
    close() {
      losses.stop();
      return Promise.resolve();
    },
  });
}
