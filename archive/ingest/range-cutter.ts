import type { KafkaRecord } from '../../common/kafka/record.ts';

export interface RangeLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

/** Memory that a record takes beside its value, about. */
const RECORD_OVERHEAD_BYTES = 64;

/**
 * Cuts the records of a partition into ranges, by their number and bytes alone: a rerun that begins
 * at the same offset cuts them alike.
 */
export function createRangeCutter({ rowsMax, bytesMax }: RangeLimits) {
  let rows = 0;
  let bytes = 0;
  return {
    /**
     * Counts records[from] and those after it into the open range. Returns one past the record that
     * fills it, and opens the next one; null when all fit and there is room left.
     */
    cut(records: readonly KafkaRecord[], from: number): number | null {
      for (let i = from; i < records.length; i++) {
        rows++;
        bytes += ((records[i] as KafkaRecord).value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
        if (rows < rowsMax && bytes < bytesMax) continue;
        rows = 0;
        bytes = 0;
        return i + 1;
      }
      return null;
    },
  };
}
