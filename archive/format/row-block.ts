import type { Data } from 'apache-arrow';
import { jsonbOfMap } from '../../connectors/postgres/jsonb.ts';
import { isValid, longsOf } from './arrow-cells.ts';
import type { Cells } from './arrow-cells.ts';
import { PG_EPOCH_MS } from './columns.ts';
import type { Kind } from './columns.ts';
import { entriesOf, nibble } from './from-arrow.ts';
import { BLOCK_ROWS } from './in-blocks.ts';
import { entryRange, entryTexts, plainMapLength } from './map-json.ts';
import { HEX_AT } from './to-arrow.ts';

const TWO_32 = 4_294_967_296;

/** The content of some rows, each from a word's beginning, with zeros up to the next word. */
export class RowBlock {
  bytes = new Uint8Array(1 << 16);
  words = new Int32Array(this.bytes.buffer);
  readonly starts = new Int32Array(BLOCK_ROWS);
  /** While packing: where the row's next field goes. */
  readonly ends = new Int32Array(BLOCK_ROWS);
  /** Maps that JSON escapes or orders otherwise, by row. */
  readonly #odd = new Map<number, Buffer>();

  /** Packs `rows` rows from row `from` on. */
  pack(columns: readonly (Cells | null)[], from: number, rows: number): void {
    this.#odd.clear();
    const { ends } = this;
    ends.fill(0, 0, rows);
    for (const cells of columns) this.#measure(cells, from, rows);
    this.#place(rows);
    for (const cells of columns) {
      if (cells === null) for (let i = 0; i < rows; i++) this.#length(i, -1);
      else this.#write(cells, from, rows);
    }
  }

  /** Adds the lengths of the column's fields to `ends`. */
  #measure(cells: Cells | null, from: number, rows: number): void {
    const { ends } = this;
    for (let i = 0; i < rows; i++) ends[i] = (ends[i] as number) + 4;
    if (cells === null) return;
    const { kind, data } = cells;
    const width = WIDTHS[kind];
    const texts = kind === 'text' ? (data.valueOffsets as Int32Array) : null;
    for (let i = 0; i < rows; i++) {
      if (!isValid(cells, from + i)) continue;
      const length =
        texts === null
          ? width > 0
            ? width
            : this.#mapLength(data, from, i)
          : (texts[from + i + 1] as number) - (texts[from + i] as number);
      ends[i] = (ends[i] as number) + length;
    }
  }

  /** Gives each row its place. */
  #place(rows: number): void {
    const { starts, ends } = this;
    let at = 0;
    for (let i = 0; i < rows; i++) {
      starts[i] = at;
      at += ((ends[i] as number) + 3) & ~3;
    }
    if (at > this.bytes.length) {
      this.bytes = new Uint8Array(2 * at);
      this.words = new Int32Array(this.bytes.buffer);
    }
    for (let i = 0; i < rows; i++) {
      const start = starts[i] as number;
      // Before the fields are written: what of the last word they don't fill stays 0.
      this.words[(start + (ends[i] as number) - 1) >> 2] = 0;
      ends[i] = start;
    }
  }

  #length(i: number, length: number): void {
    const { bytes, ends } = this;
    const at = ends[i] as number;
    bytes[at] = length >> 24;
    bytes[at + 1] = length >> 16;
    bytes[at + 2] = length >> 8;
    bytes[at + 3] = length;
    ends[i] = at + 4;
  }

  #write(cells: Cells, from: number, rows: number): void {
    switch (cells.kind) {
      case 'uuid':
        return this.#uuids(cells, from, rows);
      case 'text':
        return this.#texts(cells, from, rows);
      case 'map':
        return this.#maps(cells, from, rows);
      case 'int32':
        return this.#int32s(cells, from, rows);
      case 'float64':
        return this.#float64s(cells, from, rows);
      default:
        return this.#longs(cells, from, rows);
    }
  }

  #uuids(cells: Cells, from: number, rows: number): void {
    const offsets = cells.data.valueOffsets as Int32Array;
    const text = cells.data.values as Uint8Array;
    const { bytes, ends } = this;
    for (let i = 0; i < rows; i++) {
      if (!isValid(cells, from + i)) {
        this.#length(i, -1);
        continue;
      }
      this.#length(i, 16);
      const char = offsets[from + i] as number;
      const at = ends[i] as number;
      for (let k = 0; k < 16; k++) {
        const c = char + (HEX_AT[k] as number);
        bytes[at + k] = (nibble(text[c] as number) << 4) | nibble(text[c + 1] as number);
      }
      ends[i] = at + 16;
    }
  }

  #texts(cells: Cells, from: number, rows: number): void {
    const offsets = cells.data.valueOffsets as Int32Array;
    const text = cells.data.values as Uint8Array;
    for (let i = 0; i < rows; i++) {
      if (!isValid(cells, from + i)) {
        this.#length(i, -1);
        continue;
      }
      const start = offsets[from + i] as number;
      const end = offsets[from + i + 1] as number;
      this.#length(i, end - start);
      this.#copy(i, text, start, end);
    }
  }

  #copy(i: number, from: Uint8Array, start: number, end: number): void {
    const { bytes, ends } = this;
    let to = ends[i] as number;
    for (let at = start; at < end; at++) bytes[to++] = from[at] as number;
    ends[i] = to;
  }

  #int32s(cells: Cells, from: number, rows: number): void {
    const values = cells.data.values as Int32Array;
    for (let i = 0; i < rows; i++) {
      const valid = isValid(cells, from + i);
      this.#length(i, valid ? 4 : -1);
      // A number in four bytes, as the length is.
      if (valid) this.#length(i, values[from + i] as number);
    }
  }

  #float64s(cells: Cells, from: number, rows: number): void {
    const values = cells.data.values as Float64Array;
    const { buffer, byteOffset, length } = values;
    const halves = new Int32Array(buffer, byteOffset, 2 * length);
    for (let i = 0; i < rows; i++) {
      const valid = isValid(cells, from + i);
      this.#length(i, valid ? 8 : -1);
      if (!valid) continue;
      this.#length(i, halves[2 * (from + i) + 1] as number);
      this.#length(i, halves[2 * (from + i)] as number);
    }
  }

  #longs(cells: Cells, from: number, rows: number): void {
    const { kind } = cells;
    const longAt = longsOf(cells.data);
    for (let i = 0; i < rows; i++) {
      const valid = isValid(cells, from + i);
      this.#length(i, valid ? 8 : -1);
      if (!valid) continue;
      const long = longAt(from + i);
      const value = kind === 'time' ? (long - PG_EPOCH_MS) * 1000 : long;
      const high = Math.floor(value / TWO_32);
      this.#length(i, high);
      this.#length(i, (value - high * TWO_32) | 0);
    }
  }

  /** The version byte and the JSON. */
  #mapLength(data: Data, from: number, i: number): number {
    const length = plainMapLength(data, from + i);
    if (length > 0) return length + 1;
    const [start, end] = entryRange(data, from + i);
    const json = Buffer.from(jsonbOfMap(entriesOf(data, start, end)));
    this.#odd.set(i, json);
    return json.length + 1;
  }

  #maps(cells: Cells, from: number, rows: number): void {
    const { data } = cells;
    const { keys, values } = entryTexts(data);
    for (let i = 0; i < rows; i++) {
      if (!isValid(cells, from + i)) {
        this.#length(i, -1);
        continue;
      }
      const odd = this.#odd.get(i);
      const length = odd === undefined ? plainMapLength(data, from + i) : odd.length;
      this.#length(i, length + 1);
      this.#copy(i, VERSION, 0, 1);
      if (odd !== undefined) {
        this.#copy(i, odd, 0, odd.length);
        continue;
      }
      const [start, end] = entryRange(data, from + i);
      this.#copy(i, OPEN, 0, 1);
      for (let entry = start; entry < end; entry++) {
        if (entry > start) this.#copy(i, COMMA, 0, 2);
        this.#quoted(i, keys, entry);
        this.#copy(i, COLON, 0, 2);
        this.#quoted(i, values, entry);
      }
      this.#copy(i, CLOSE, 0, 1);
    }
  }

  #quoted(i: number, texts: Data, entry: number): void {
    const offsets = texts.valueOffsets as Int32Array;
    this.#copy(i, QUOTE, 0, 1);
    this.#copy(
      i,
      texts.values as Uint8Array,
      offsets[entry] as number,
      offsets[entry + 1] as number,
    );
    this.#copy(i, QUOTE, 0, 1);
  }
}

const [VERSION, OPEN, CLOSE, COMMA, COLON, QUOTE] = ['\x01', '{', '}', ', ', ': ', '"'].map(
  (text) => Buffer.from(text),
) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];

/** Of the binary form; 0 where rows differ. */
const WIDTHS: Readonly<Record<Kind, number>> = {
  uuid: 16,
  time: 8,
  int64: 8,
  float64: 8,
  int32: 4,
  text: 0,
  map: 0,
};
