import { PG_EPOCH_MS, ROW_COLUMNS } from './columns.ts';
import type { BytesColumn, Column, EventColumns, Kind, NumberColumn } from './columns.ts';

/** Few, since history has thousands of dates with a handful of rows each. */
const FIRST_ROWS = 32;

/** Takes rows as `CopyWriter` packs them, one at a time. */
export class ColumnBuilder implements EventColumns {
  #rows = 0;
  #capacity: number;
  readonly columns: Column[];

  /** `capacity` in rows, where it is known: nothing grows then but bytes. */
  constructor(capacity = FIRST_ROWS) {
    this.#capacity = capacity;
    this.columns = ROW_COLUMNS.map(([, kind]) => createColumn(kind, capacity));
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    let sum = 0;
    for (const column of this.columns)
      sum += 'values' in column ? column.values.byteLength : column.bytes.byteLength;
    return sum;
  }

  /** Adds the row whose field count stands at `at`; returns where the next row begins. */
  add(from: Buffer, at: number): number {
    if (this.#rows === this.#capacity) this.#grow();
    const row = this.#rows++;
    let pos = at + 2;
    for (const column of this.columns) {
      const length = readInt32(from, pos);
      pos += 4;
      if ('values' in column) {
        if (length < 0) column.nulls[row] = 1;
        else column.values[row] = readNumber(column.kind, from, pos);
      } else {
        const end = row === 0 ? 0 : (column.ends[row - 1] as number);
        if (length < 0) {
          column.nulls[row] = 1;
          column.ends[row] = end;
        } else {
          // jsonb has a version byte before its text.
          const skip = column.kind === 'map' ? 1 : 0;
          column.ends[row] = append(column, end, from, pos + skip, pos + length);
        }
      }
      if (length > 0) pos += length;
    }
    return pos;
  }

  #grow(): void {
    this.#capacity *= 2;
    for (const column of this.columns) {
      column.nulls = grown(column.nulls, this.#capacity);
      if ('values' in column) {
        const values = new Float64Array(this.#capacity);
        values.set(column.values);
        column.values = values;
      } else {
        const ends = new Uint32Array(this.#capacity);
        ends.set(column.ends);
        column.ends = ends;
      }
    }
  }
}

function createColumn(kind: Kind, rows: number): Column {
  const nulls = new Uint8Array(rows);
  return kind === 'uuid' || kind === 'text' || kind === 'map'
    ? { kind, ends: new Uint32Array(rows), bytes: new Uint8Array(rows * 16), nulls }
    : { kind, values: new Float64Array(rows), nulls };
}

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

function readInt32(from: Uint8Array, at: number): number {
  return (
    ((from[at] as number) << 24) |
    ((from[at + 1] as number) << 16) |
    ((from[at + 2] as number) << 8) |
    (from[at + 3] as number)
  );
}

/** A column that may share its name with Postgres's int8: exact below 2^53, as everywhere here. */
function readNumber(kind: NumberColumn['kind'], from: Buffer, at: number): number {
  if (kind === 'float64') return from.readDoubleBE(at);
  const high = readInt32(from, at);
  if (kind === 'int32') return high;
  const value = high * 4_294_967_296 + (readInt32(from, at + 4) >>> 0);
  return kind === 'int64' ? value : value / 1000 + PG_EPOCH_MS;
}

/** Appends from[start, end) at `at`; returns where it ends. */
function append(column: BytesColumn, at: number, from: Buffer, start: number, end: number): number {
  const next = at + end - start;
  if (next > column.bytes.length)
    column.bytes = grown(column.bytes, Math.max(next, column.bytes.length * 2));
  const { bytes } = column;
  for (let i = start, to = at; i < end; i++, to++) bytes[to] = from[i] as number;
  return next;
}
