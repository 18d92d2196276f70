import type { SpoolPosition } from './spool-files.ts';

/**
 * What was written to the spool last and not read since: whoever keeps up gets it from here, and the disk is
 * read only by who has fallen behind.
 */
export interface FreshBytes {
  /** bytes[0, length) were written at that place. */
  wrote(at: SpoolPosition, bytes: Buffer, length: number): void;
  /** All that follows the place without a gap, its own from now on; null where that isn't here. */
  take(at: SpoolPosition): Buffer | null;
}

const FIRST_BYTES = 64 * 1024;

export function createFreshBytes(bytesMax: number): FreshBytes {
  let from: SpoolPosition | null = null;
  let kept = Buffer.alloc(0);
  let used = 0;
  /** So much was taken the last time: about as much comes the next time. */
  let expected = FIRST_BYTES;

  function drop(): void {
    from = null;
    kept = Buffer.alloc(0);
    used = 0;
  }

  function follows(at: SpoolPosition): boolean {
    return from?.segment === at.segment && from.offset + used === at.offset;
  }

  return {
    wrote(at, bytes, length) {
      if (!follows(at) || used + length > bytesMax) drop();
      if (length > bytesMax) return;
      from ??= at;
      if (used + length > kept.length) {
        const grown = Buffer.allocUnsafeSlow(Math.max(expected, 2 * kept.length, used + length));
        kept.copy(grown, 0, 0, used);
        kept = grown;
      }
      bytes.copy(kept, used, 0, length);
      used += length;
    },
    take(at) {
      const isHere = from?.segment === at.segment && from.offset === at.offset;
      const found = isHere ? kept.subarray(0, used) : null;
      if (isHere) expected = Math.max(FIRST_BYTES, used);
      drop();
      return found;
    },
  };
}
