import type { RunningProcess } from '../processes.ts';
import { until } from '../until.ts';
import { MINUTE_MS } from '../../../common/time.ts';

/** What a process says when its partitions are not its own any more. */
const GIVEN_UP = ['fenced', 'partitions_given_up', 'rewound'];

/** Waits until processes that were woken (SIGCONT) have seen that they are stale. */
export async function untilRefused(stale: readonly RunningProcess[]): Promise<void> {
  await until('stale owners to see that they are', MINUTE_MS, () =>
    stale.every((p) => p.exit() !== null || GIVEN_UP.some((event) => p.count(event) > 0)),
  );
}

/**
 * Stops processes that must have outlived what was done to them: a batch that passes the
 * compare-and-set against the rules is still stopped by the ledger, whose alarm ends the process.
 */
export async function stopSurvivors(processes: readonly RunningProcess[]): Promise<void> {
  const ended = processes.find((p) => p.exit() !== null);
  if (ended !== undefined) throw new Error(`${ended.label} ended by itself\n${ended.tail(3)}`);
  await Promise.all(processes.map((p) => p.stop()));
}
