/** Columns of rows as Arrow has them. */
import {
  Field,
  Float64,
  Int32,
  Int64,
  Map_,
  Struct,
  TimestampMillisecond,
  Utf8,
  makeData,
} from 'apache-arrow';
import type { Data, DataType } from 'apache-arrow';
import { isEmptyMap, propertiesOf } from './columns.ts';
import type { BytesColumn, Column, Kind, NumberColumn } from './columns.ts';
import { inBlocks } from './in-blocks.ts';

const PROPERTIES = mapOfText();
export const TYPES: Readonly<Record<Kind, DataType>> = {
  uuid: new Utf8(),
  text: new Utf8(),
  time: new TimestampMillisecond('UTC'),
  int64: new Int64(),
  int32: new Int32(),
  float64: new Float64(),
  map: PROPERTIES,
};

function mapOfText(): Map_<Utf8, Utf8> {
  const key = new Field('key', new Utf8(), false);
  const value = new Field('value', new Utf8(), false);
  return new Map_(
    new Field('entries', new Struct<{ key: Utf8; value: Utf8 }>([key, value]), false),
  );
}

interface Shared {
  readonly length: number;
  readonly nullCount: number;
  readonly nullBitmap?: Uint8Array;
}

/** A column as Arrow takes it; texts share its memory. */
export function arrowData(column: Column, rows: number): Data {
  const shared = { length: rows, ...validity(column.nulls, rows) };
  if ('values' in column) return numberData(column, shared);
  if (column.kind === 'uuid') return uuidData(column, shared);
  if (column.kind === 'map') return mapData(column, shared);
  const valueOffsets = new Int32Array(rows + 1);
  valueOffsets.set(column.ends.subarray(0, rows), 1);
  const data = column.bytes.subarray(0, valueOffsets[rows]);
  return makeData({ type: new Utf8(), ...shared, valueOffsets, data });
}

/** The memory of `data`, its children's too; what is empty may be Arrow's own. */
export function arrowBuffers({ buffers, children }: Data): ArrayBufferLike[] {
  const parts: unknown[] = Object.values(buffers);
  const own = parts.filter((part) => ArrayBuffer.isView(part) && part.byteLength > 0);
  return [...own.map((part) => (part as Uint8Array).buffer), ...children.flatMap(arrowBuffers)];
}

function validity(nulls: Uint8Array, rows: number): Omit<Shared, 'length'> {
  let nullCount = 0;
  for (let i = 0; i < rows; i++) nullCount += nulls[i] as number;
  if (nullCount === 0) return { nullCount };
  const nullBitmap = new Uint8Array((rows + 7) >> 3);
  for (let i = 0; i < rows; i++)
    if (nulls[i] === 0) nullBitmap[i >> 3] = (nullBitmap[i >> 3] as number) | (1 << (i & 7));
  return { nullCount, nullBitmap };
}

function numberData({ kind, values }: NumberColumn, shared: Shared): Data {
  const rows = shared.length;
  if (kind === 'float64')
    return makeData({ type: new Float64(), ...shared, data: values.subarray(0, rows) });
  if (kind === 'int32')
    return makeData({
      type: new Int32(),
      ...shared,
      data: Int32Array.from(values.subarray(0, rows)),
    });
  // Two halves instead of a bigint a row.
  const data = new BigInt64Array(rows);
  const halves = new Int32Array(data.buffer);
  for (let i = 0; i < rows; i++) {
    const value = values[i] as number;
    const high = Math.floor(value / 4_294_967_296);
    halves[2 * i] = value - high * 4_294_967_296;
    halves[2 * i + 1] = high;
  }
  return kind === 'time'
    ? makeData({ type: new TimestampMillisecond('UTC'), ...shared, data })
    : makeData({ type: new Int64(), ...shared, data });
}

const HEX = Buffer.from('0123456789abcdef');
const DASH = 0x2d;
const UUID_CHARS = 36;
/** Places of the 16 bytes in the text of a uuid. */
export const HEX_AT = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);

function uuidData(column: BytesColumn, shared: Shared): Data {
  const rows = shared.length;
  const valueOffsets = new Int32Array(rows + 1);
  const data = new Uint8Array((rows - shared.nullCount) * UUID_CHARS).fill(DASH);
  inBlocks(rows, (from, to) => {
    writeUuids(column, from, to, data, valueOffsets);
  });
  return makeData({ type: new Utf8(), ...shared, valueOffsets, data });
}

function writeUuids(
  { ends, bytes, nulls }: BytesColumn,
  from: number,
  to: number,
  data: Uint8Array,
  valueOffsets: Int32Array,
): void {
  let end = valueOffsets[from] as number;
  for (let i = from; i < to; i++) {
    if (nulls[i] === 0) {
      const start = (ends[i] as number) - 16;
      for (let k = 0; k < 16; k++) {
        const byte = bytes[start + k] as number;
        const at = end + (HEX_AT[k] as number);
        data[at] = HEX[byte >> 4] as number;
        data[at + 1] = HEX[byte & 15] as number;
      }
      end += UUID_CHARS;
    }
    valueOffsets[i + 1] = end;
  }
}

function mapData(column: BytesColumn, shared: Shared): Data {
  const valueOffsets = new Int32Array(shared.length + 1);
  const keys = new TextBuilder();
  const values = new TextBuilder();
  for (let i = 0; i < shared.length; i++) {
    if (column.nulls[i] === 0 && !isEmptyMap(column, i)) addEntries(column, i, keys, values);
    valueOffsets[i + 1] = keys.count;
  }
  const entries = makeData({
    type: (PROPERTIES.children[0] as Field<Struct<{ key: Utf8; value: Utf8 }>>).type,
    length: keys.count,
    nullCount: 0,
    children: [keys.data(), values.data()],
  });
  return makeData({ type: PROPERTIES, ...shared, valueOffsets, child: entries as never });
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Adds a row's entries. Without escapes, strings stand between quotes: keys and values in turn. */
function addEntries(column: BytesColumn, i: number, keys: TextBuilder, values: TextBuilder): void {
  const { bytes } = column;
  const from = i === 0 ? 0 : (column.ends[i - 1] as number);
  const to = column.ends[i] as number;
  if (bytes.subarray(from, to).includes(BACKSLASH)) {
    for (const [key, value] of Object.entries(propertiesOf(column, i))) {
      keys.addText(key);
      values.addText(value);
    }
    return;
  }
  let begin = -1;
  let into = keys;
  for (let at = from; at < to; at++) {
    if (bytes[at] !== QUOTE) continue;
    if (begin < 0) {
      begin = at + 1;
      continue;
    }
    into.add(bytes, begin, at);
    into = into === keys ? values : keys;
    begin = -1;
  }
}

/** Texts one behind the other, as Arrow wants them. */
class TextBuilder {
  #bytes = new Uint8Array(1 << 12);
  #ends = new Int32Array(1 << 8);
  #used = 0;
  count = 0;

  add(from: Uint8Array, start: number, end: number): void {
    const needed = this.#used + end - start;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const bytes = this.#bytes;
    let to = this.#used;
    for (let at = start; at < end; at++) bytes[to++] = from[at] as number;
    this.#used = to;
    this.#end();
  }

  addText(text: string): void {
    const bytes = Buffer.from(text);
    this.add(bytes, 0, bytes.length);
  }

  data(): Data<Utf8> {
    const valueOffsets = new Int32Array(this.count + 1);
    valueOffsets.set(this.#ends.subarray(0, this.count), 1);
    const data = this.#bytes.subarray(0, this.#used);
    return makeData({ type: new Utf8(), length: this.count, nullCount: 0, valueOffsets, data });
  }

  #end(): void {
    if (this.count === this.#ends.length) {
      const larger = new Int32Array(this.count * 2);
      larger.set(this.#ends);
      this.#ends = larger;
    }
    this.#ends[this.count++] = this.#used;
  }
}

/** The topic of all rows, or one text a row. */
export function topicData(topic: string | readonly string[], rows: number): Data {
  if (typeof topic !== 'string') {
    const texts = new TextBuilder();
    for (const name of topic) texts.addText(name);
    return texts.data();
  }
  const name = Buffer.from(topic);
  const valueOffsets = new Int32Array(rows + 1);
  for (let i = 1; i <= rows; i++) valueOffsets[i] = i * name.length;
  const data = Buffer.alloc(name.length * rows, name);
  return makeData({ type: new Utf8(), length: rows, nullCount: 0, valueOffsets, data });
}
