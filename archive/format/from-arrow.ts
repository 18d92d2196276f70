/** Columns of rows from Arrow's; to-arrow.ts is the other way. */
import type { Data } from 'apache-arrow';
import { jsonbOfMap } from '../../connectors/postgres/jsonb.ts';
import type { BytesColumn, Column, Kind, NumberColumn } from './columns.ts';
import { HEX_AT } from './to-arrow.ts';

function emptyColumn(kind: Kind, rows: number): Column {
  const nulls = new Uint8Array(rows).fill(1);
  return kind === 'uuid' || kind === 'text' || kind === 'map'
    ? { kind, ends: new Uint32Array(rows), bytes: new Uint8Array(0), nulls }
    : { kind, values: new Float64Array(rows), nulls };
}

/** A column of Arrow's chunks; all null where there are none. */
export function columnOf(kind: Kind, chunks: readonly Data[], rows: number): Column {
  const column = emptyColumn(kind, rows);
  let row = 0;
  let used = 0;
  for (const chunk of chunks) {
    for (let i = 0; i < chunk.length; i++, row++) {
      const valid = chunk.nullCount === 0 || chunk.getValid(i);
      if (!('values' in column)) {
        if (valid) used = takeBytes(column, chunk, i, used);
        column.ends[row] = used;
      } else if (valid) column.values[row] = takeNumber(column.kind, chunk, i);
      column.nulls[row] = valid ? 0 : 1;
    }
  }
  return column;
}

function takeNumber(kind: NumberColumn['kind'], chunk: Data, i: number): number {
  const values = chunk.values as Float64Array | Int32Array | BigInt64Array;
  if (kind === 'float64' || kind === 'int32') return values[i] as number;
  const halves = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  return (halves[2 * i + 1] as number) * 4_294_967_296 + ((halves[2 * i] as number) >>> 0);
}

/** Appends row `i` of the chunk; returns the bytes used after. */
function takeBytes(column: BytesColumn, chunk: Data, i: number, used: number): number {
  const offsets = chunk.valueOffsets as Int32Array;
  const from = offsets[i] as number;
  const to = offsets[i + 1] as number;
  if (column.kind === 'map') {
    const text = Buffer.from(jsonbOfMap(entriesOf(chunk, from, to)));
    room(column, used + text.length);
    column.bytes.set(text, used);
    return used + text.length;
  }
  const source = chunk.values as Uint8Array;
  if (column.kind === 'uuid') {
    room(column, used + 16);
    for (let k = 0; k < 16; k++) {
      const at = from + (HEX_AT[k] as number);
      column.bytes[used + k] =
        (nibble(source[at] as number) << 4) | nibble(source[at + 1] as number);
    }
    return used + 16;
  }
  room(column, used + to - from);
  for (let at = from, out = used; at < to; at++, out++) column.bytes[out] = source[at] as number;
  return used + to - from;
}

function room(column: BytesColumn, needed: number): void {
  if (needed <= column.bytes.length) return;
  const larger = new Uint8Array(Math.max(needed, column.bytes.length * 2, 1024));
  larger.set(column.bytes);
  column.bytes = larger;
}

/** The value of a hex digit: without a branch, since digits come by chance. */
export function nibble(char: number): number {
  return (char & 15) + 9 * (char >> 6);
}

export function entriesOf(chunk: Data, from: number, to: number): Record<string, string> {
  const [entries] = chunk.children;
  const [keys, values] = entries?.children ?? [];
  const map: Record<string, string> = {};
  if (keys === undefined || values === undefined) return map;
  for (let i = from; i < to; i++)
    Object.defineProperty(map, textAt(keys, i), {
      value: textAt(values, i),
      enumerable: true,
    });
  return map;
}

function textAt(data: Data, i: number): string {
  const bytes = data.values as Uint8Array;
  const offsets = data.valueOffsets as Int32Array;
  return Buffer.from(bytes.buffer, bytes.byteOffset).toString('utf8', offsets[i], offsets[i + 1]);
}

export function textsOf(chunks: readonly Data[]): string[] {
  return chunks.flatMap((chunk) =>
    Array.from({ length: chunk.length }, (_, i) => textAt(chunk, i)),
  );
}
