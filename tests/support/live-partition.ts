import type { LivePartition } from '../../streams/replay/replay-plan.ts';

/** A partition of 300 records, all of them in the log and in the ledger; `over` makes it special. */
export const livePartition = (over: Partial<LivePartition> = {}): LivePartition => ({
  partition: 0,
  next: 300,
  ledger: [
    { from: 0, to: 100 },
    { from: 100, to: 200 },
    { from: 200, to: 300 },
  ],
  logStart: 0,
  logEnd: 300,
  ...over,
});
