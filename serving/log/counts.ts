import type { Losses, LossReason } from './losses.ts';

export interface ServeLogCounts {
  /** Records that this process brought into the spool. */
  readonly appended: number;
  /** Records found in the spool at its start. */
  readonly recovered: number;
  /** Ends of files that a write had left unfinished: nobody was told that these were appended. */
  readonly torn: number;
  readonly acknowledged: number;
  /** Records that will never be in the log, in all and by reason. */
  readonly lost: number;
  readonly lostBy: Readonly<Record<LossReason, number>>;
  readonly waitingRecords: number;
  readonly waitingBytes: number;
  /** Age of the oldest serve that waits for its acknowledgement; 0 when none does. */
  readonly oldestWaitingMs: number;
}

/** The account of every record from its append to its end. */
export interface Tally {
  written(records: number, bytes: number): void;
  settled(records: number, bytes: number): void;
  caughtUp(): void;
  counts(oldestUnderWayMs: number | null): ServeLogCounts;
}

export interface TallyStart {
  readonly records: number;
  readonly bytes: number;
  readonly torn: number;
  readonly oldestMs: number | null;
}

export function createTally(start: TallyStart, losses: Losses): Tally {
  let appended = 0;
  let settled = 0;
  let waitingBytes = start.bytes;
  let unreadSinceMs = start.oldestMs;

  return {
    written(records, bytes) {
      appended += records;
      waitingBytes += bytes;
      unreadSinceMs ??= Date.now();
    },
    settled(records, bytes) {
      settled += records;
      waitingBytes -= bytes;
    },
    caughtUp() {
      unreadSinceMs = null;
    },
    counts(oldestUnderWayMs) {
      const lostBy = { ...losses.counts };
      const oldest = oldestUnderWayMs ?? unreadSinceMs;
      return {
        appended,
        recovered: start.records,
        torn: start.torn,
        acknowledged: settled - lostBy.refused - lostBy.unknown_version,
        lost: Object.values(lostBy).reduce((sum, records) => sum + records, 0),
        lostBy,
        // Of what was damaged nobody knows how many records it was.
        waitingRecords: waitingBytes === 0 ? 0 : appended + start.records - settled,
        waitingBytes,
        oldestWaitingMs: oldest === null ? 0 : Math.max(0, Date.now() - oldest),
      };
    },
  };
}
