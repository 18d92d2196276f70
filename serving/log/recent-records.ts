/**
 * The latest records as bytes, in memory of one size: it takes the tables a moment to have them. Whatever
 * is kept of a request as objects would be copied by each collection of garbage while it is young.
 */
export interface RecentRecords {
  /** Copies bytes[from, to); `id` has 16 bytes. A record that would displace too many others is not kept. */
  add(id: Buffer, bytes: Buffer, from: number, to: number): void;
  /** A copy of the record; null for one that isn't among the latest. */
  find(id: Buffer): Buffer | null;
}

export interface RecentBounds {
  readonly records: number;
  readonly bytes: number;
}

const ID_BYTES = 16;
/** Of all bytes, by one record. */
const SHARE_MAX = 1 / 4;
/** Two seconds of lists of 20 at 4,000 a second. */
const BOUNDS: RecentBounds = { records: 8_192, bytes: 16 * 1024 * 1024 };

export function createRecentRecords(bounds: RecentBounds = BOUNDS): RecentRecords {
  const ring = Buffer.allocUnsafeSlow(bounds.bytes);
  const ids = Buffer.alloc(bounds.records * ID_BYTES);
  const starts = new Uint32Array(bounds.records);
  const lengths = new Uint32Array(bounds.records);
  // Counted over all that were ever added; a record's slot is its number modulo the slots.
  let oldest = 0;
  let next = 0;
  let at = 0;

  const startOf = (number: number): number => starts[number % bounds.records] as number;

  function dropUpTo(end: number): void {
    while (oldest < next && startOf(oldest) >= at && startOf(oldest) < end) oldest++;
  }

  return {
    add(id, bytes, from, to) {
      const length = to - from;
      if (length > bounds.bytes * SHARE_MAX) return;
      if (at + length > bounds.bytes) {
        dropUpTo(bounds.bytes);
        at = 0;
      }
      dropUpTo(at + length);
      if (next - oldest === bounds.records) oldest++;
      const slot = next % bounds.records;
      id.copy(ids, slot * ID_BYTES);
      starts[slot] = at;
      lengths[slot] = length;
      bytes.copy(ring, at, from, to);
      at += length;
      next++;
    },
    find(id) {
      for (let found = ids.indexOf(id); found >= 0; found = ids.indexOf(id, found + 1)) {
        if (found % ID_BYTES !== 0) continue;
        const slot = found / ID_BYTES;
        const last = next - 1;
        const number = last - ((last - slot) % bounds.records);
        if (number < oldest) continue;
        const start = startOf(number);
        return Buffer.from(ring.subarray(start, start + (lengths[slot] as number)));
      }
      return null;
    },
  };
}
