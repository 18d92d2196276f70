import { ColumnBuilder } from './column-builder.ts';
import { giveBack } from './columns.ts';
import type { EventColumns } from './columns.ts';
import { inBlocks } from './in-blocks.ts';
import { SortKeys } from './sort-keys.ts';

/** COPY rows, one behind the other in chunks of CHUNK_BYTES at most; no row lies in two of them. */
export interface PackedRows {
  readonly rows: number;
  readonly chunks: readonly Uint8Array[];
  /** Beginnings of the rows: the chunk's number times CHUNK_BYTES, and its place in it. */
  readonly starts: Float64Array;
}

/**
 * A chunk holds the largest record that the topic takes, and its row is no longer than twice that.
 */
const CHUNK_BYTES = 4 * 1024 * 1024;
/** History has thousands of dates with a handful of rows each. */
const FIRST_CHUNK_BYTES = 4 * 1024;
const FIRST_ROWS = 32;
const FIELDS_BEFORE_USER = 6;
const EVENT_ID_AT = 6;

/** Collects COPY rows as they come, in order of arrival: what a file needs before it is sorted. */
export class RowPacker implements PackedRows {
  #rows = 0;
  #used = 0;
  readonly chunks: Uint8Array[] = [];
  starts = new Float64Array(FIRST_ROWS);

  get rows(): number {
    return this.#rows;
  }

  /** Adds from[at, end): one row. */
  add(from: Buffer, at: number, end: number): void {
    const length = end - at;
    if (length > CHUNK_BYTES) throw new Error(`a row of ${length} bytes`);
    const room = this.chunks.at(-1)?.length ?? 0;
    if (this.#used + length > room) {
      const size = Math.max(length, room * 2, FIRST_CHUNK_BYTES);
      this.chunks.push(new Uint8Array(Math.min(size, CHUNK_BYTES)));
      this.#used = 0;
    }
    const chunk = this.chunks.length - 1;
    const to = this.#used;
    from.copy(this.chunks[chunk] as Uint8Array, to, at, end);
    this.#used += length;
    if (this.#rows === this.starts.length) {
      const starts = new Float64Array(this.#rows * 2);
      starts.set(this.starts);
      this.starts = starts;
    }
    this.starts[this.#rows++] = chunk * CHUNK_BYTES + to;
  }
}

/** The end of the row whose field count stands at `at`. */
export function rowEnd(from: Buffer, at: number): number {
  const fields = ((from[at] as number) << 8) | (from[at + 1] as number);
  let pos = at + 2;
  for (let i = 0; i < fields; i++) pos = fieldEnd(from, pos);
  return pos;
}

function fieldEnd(from: Uint8Array, at: number): number {
  const length = lengthAt(from, at);
  return at + 4 + (length < 0 ? 0 : length);
}

function lengthAt(from: Uint8Array, at: number): number {
  return (
    ((from[at] as number) << 24) |
    ((from[at + 1] as number) << 16) |
    ((from[at + 2] as number) << 8) |
    (from[at + 3] as number)
  );
}

/**
 * The rows as columns in the order of a file. Rows are taken whole in that order, so each is looked
 * for in memory once and not once a column. The packed rows are used up.
 */
export function sortedColumns({ rows, chunks, starts }: PackedRows): EventColumns {
  const buffers = chunks.map(({ buffer, byteOffset, length }) =>
    Buffer.from(buffer, byteOffset, length),
  );
  const packed = { rows, chunks: buffers, starts };
  const order = keysOf(packed).order();
  const builder = new ColumnBuilder(rows);
  inBlocks(rows, (from, to) => {
    takeRows(builder, packed, order, from, to);
  });
  giveBack(chunks.map(({ buffer }) => buffer));
  return builder;
}

interface OpenRows extends PackedRows {
  readonly chunks: readonly Buffer[];
}

function takeRows(
  builder: ColumnBuilder,
  { chunks, starts }: OpenRows,
  order: Uint32Array,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const start = starts[order[i] as number] as number;
    builder.add(chunks[Math.floor(start / CHUNK_BYTES)] as Buffer, start % CHUNK_BYTES);
  }
}

function keysOf(packed: OpenRows): SortKeys {
  const keys = new SortKeys(packed.rows);
  inBlocks(packed.rows, (from, to) => {
    addKeys(keys, packed, from, to);
  });
  return keys;
}

function addKeys(keys: SortKeys, { chunks, starts }: OpenRows, from: number, to: number): void {
  for (let row = from; row < to; row++) {
    const start = starts[row] as number;
    const chunk = chunks[Math.floor(start / CHUNK_BYTES)] as Uint8Array;
    const at = start % CHUNK_BYTES;
    let user = at + 2;
    for (let field = 0; field < FIELDS_BEFORE_USER; field++) user = fieldEnd(chunk, user);
    keys.add(chunk, user + 4, lengthAt(chunk, user), chunk, at + EVENT_ID_AT);
  }
}
