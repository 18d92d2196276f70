import type { Session } from './session.ts';
import { isMissingPartition } from './errors.ts';
import { DAY_MS, HOUR_MS } from '../../common/time.ts';

export type PartitionWidth = '1 hour' | '1 day';

const WIDTH_MS: Readonly<Record<PartitionWidth, number>> = {
  '1 hour': HOUR_MS,
  '1 day': DAY_MS,
};
/** Known partitions are kept in mind up to a week of hours. */
const KNOWN_MAX = 168;

export interface PartitionKeeper {
  /** Makes the partitions that rows of these times need; one query for new ones, none else. */
  ensure(session: Session, timesMs: Iterable<number>): Promise<void>;
  /** Does the work; when a row of it finds no partition, one that was known has been dropped. */
  guard<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Keeps in mind which range partitions of a table exist. `table` is resolved by the search path.
 */
export function createPartitionKeeper(table: string, width: PartitionWidth): PartitionKeeper {
  const widthMs = WIDTH_MS[width];
  const known = new Set<number>();
  return {
    async ensure(session, timesMs) {
      let last = -1;
      const missing = new Set<number>();
      for (const ms of timesMs) {
        const slot = Math.floor(ms / widthMs);
        if (slot === last) continue;
        last = slot;
        if (!known.has(slot)) missing.add(slot);
      }
      if (missing.size === 0) return;
      await session.execute(
        `SELECT ensure_partitions($1::regclass,
           array(SELECT to_timestamp(ms / 1000.0) FROM unnest($2::bigint[]) AS ms),
           $3::interval)`,
        [table, [...missing].map((slot) => slot * widthMs), width],
      );
      if (known.size + missing.size > KNOWN_MAX) known.clear();
      for (const slot of missing) known.add(slot);
    },
    async guard(work) {
      try {
        return await work();
      } catch (error) {
        if (isMissingPartition(error)) known.clear();
        throw error;
      }
    },
  };
}
