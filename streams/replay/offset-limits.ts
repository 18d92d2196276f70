import { decodedBatch } from '../../connectors/kafka/decoded-batch.ts';
import type { FetchedBatch } from '../../connectors/kafka/port.ts';

/**
 * Limits up to which partitions are read. A partition is read on, or waits at its limit; a pause by
 * its owner counts beside, and only the owner takes it back.
 */
export interface OffsetLimits {
  /** True when the partition is read at all. */
  has(partition: number): boolean;
  /** One past the last offset that is read; 0 where there is no limit. */
  of(partition: number): number;
  /** Begins at an offset. False when the partition waits there. */
  start(partition: number, offset: number): boolean;
  /**
   * The part of a batch below the limit, null when there is none; `stops` when it now waits there.
   */
  take(batch: FetchedBatch): { readonly below: FetchedBatch | null; readonly stops: boolean };
  /** Moves the limit forward; the offset to read on from where the partition waited below it. */
  raise(partition: number, limit: number): number | null;
  pause(partition: number): void;
  /** False when the partition waits at its limit all the same. */
  resume(partition: number): boolean;
  isPaused(partition: number): boolean;
  forget(partition: number): void;
}

export function createOffsetLimits(initial: ReadonlyMap<number, number>): OffsetLimits {
  const limits = new Map(initial);
  /** Partitions that wait, with the offset to go on from. */
  const waiting = new Map<number, number>();
  const paused = new Set<number>();
  const of = (partition: number) => limits.get(partition) ?? 0;

  return {
    of,
    has: (partition) => limits.has(partition),
    start(partition, offset) {
      paused.delete(partition);
      waiting.delete(partition);
      if (offset < of(partition)) return true;
      waiting.set(partition, offset);
      return false;
    },
    take(batch) {
      const { partition, next } = batch;
      if (waiting.has(partition)) return { below: null, stops: false };
      const limit = of(partition);
      const below = cutBelow(batch, limit);
      const stops = next >= limit;
      if (stops) waiting.set(partition, Math.min(next, limit));
      return { below, stops };
    },
    raise(partition, limit) {
      if (limit <= of(partition)) return null;
      limits.set(partition, limit);
      const at = waiting.get(partition);
      if (at === undefined || at >= limit) return null;
      waiting.delete(partition);
      return at;
    },
    pause: (partition) => void paused.add(partition),
    resume(partition) {
      paused.delete(partition);
      return !waiting.has(partition);
    },
    isPaused: (partition) => paused.has(partition),
    forget(partition) {
      waiting.delete(partition);
      paused.delete(partition);
    },
  };
}

/** The part of a batch below the limit, as if the log ended there; null when nothing does. */
function cutBelow(batch: FetchedBatch, limit: number): FetchedBatch | null {
  const logEnd = Math.min(batch.logEnd, limit);
  if (batch.next <= limit) return { ...batch, logEnd };
  if (batch.from >= limit) return null;
  const records = batch.records().filter((record) => record.offset < limit);
  return decodedBatch({ ...batch, next: limit, logEnd }, records);
}
