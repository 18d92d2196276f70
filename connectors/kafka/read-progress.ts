/** Offsets [from, to). */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/** Progress of a read by partition: each offset is passed on once, and in order. */
export interface ReadProgress {
  /** Every partition was passed on to its end. */
  isDone(): boolean;
  /** Reading goes on there, also when the group was joined anew; undefined when it is over. */
  nextOffset(partition: number): number | undefined;
  /** A batch came. Returns the offsets of it to pass on; undefined when it brings nothing new. */
  delivered(partition: number, next: number): OffsetRange | undefined;
  /** A batch was passed on, in the order delivered. True when the partition waits for more. */
  passedOn(partition: number, next: number): boolean;
}

/** A partition that is not read to its end yet. */
interface PartitionProgress {
  readonly to: number;
  /** One past what was delivered. */
  delivered: number;
  /** Batches that were delivered and not passed on yet. */
  waiting: number;
}

export function createReadProgress(ranges: ReadonlyMap<number, OffsetRange>): ReadProgress {
  const open = new Map<number, PartitionProgress>();
  for (const [partition, { from, to }] of ranges)
    if (from < to) open.set(partition, { to, delivered: from, waiting: 0 });
  return {
    isDone: () => open.size === 0,
    nextOffset: (partition) => {
      const progress = open.get(partition);
      if (progress === undefined || progress.delivered >= progress.to) return undefined;
      return progress.delivered;
    },
    delivered: (partition, next) => {
      const progress = open.get(partition);
      if (progress === undefined) return undefined;
      const { delivered: from, to } = progress;
      if (from >= to || next <= from) return undefined;
      progress.delivered = next;
      progress.waiting += 1;
      return { from, to };
    },
    passedOn: (partition, next) => {
      const progress = open.get(partition);
      if (progress === undefined) return false;
      progress.waiting -= 1;
      if (next < progress.to) return progress.waiting === 0;
      open.delete(partition);
      return false;
    },
  };
}

/** Those of the records, which are in order, whose offsets are in the range. */
export function recordsWithin<R extends { readonly offset: number }>(
  records: readonly R[],
  { from, to }: OffsetRange,
): readonly R[] {
  const [first, last] = [records[0], records.at(-1)];
  if (first === undefined || last === undefined) return records;
  if (first.offset >= from && last.offset < to) return records;
  return records.filter(({ offset }) => offset >= from && offset < to);
}
