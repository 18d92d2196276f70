import type { Data } from 'apache-arrow';
import type { Kind } from './columns.ts';

const TWO_32 = 4_294_967_296;

/** A column of a batch; `bits` is kept since Arrow works it out anew whenever it is asked. */
export interface Cells {
  readonly kind: Kind;
  readonly data: Data;
  /** A bit a row, from the bit `bitsAt` on; null where all rows have a value. */
  readonly bits: Uint8Array | null;
  readonly bitsAt: number;
}

export function cellsOf(kind: Kind, data: Data | null): Cells | null {
  if (data === null) return null;
  const { nullCount, nullBitmap, offset } = data;
  return { kind, data, bits: nullCount === 0 ? null : nullBitmap, bitsAt: offset };
}

export function isValid({ bits, bitsAt }: Cells, row: number): boolean {
  if (bits === null) return true;
  const at = bitsAt + row;
  return (((bits[at >> 3] as number) >> (at & 7)) & 1) === 1;
}

/** Reads 64-bit integers as numbers; exact below 2^53, as everywhere here. */
export function longsOf(data: Data): (row: number) => number {
  const { buffer, byteOffset, length } = data.values as BigInt64Array;
  const halves = new Int32Array(buffer, byteOffset, length * 2);
  return (row) => (halves[2 * row + 1] as number) * TWO_32 + ((halves[2 * row] as number) >>> 0);
}
