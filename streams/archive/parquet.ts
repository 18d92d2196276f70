/**
 * Files of the archive: Parquet by Arrow and parquet-wasm. The same rows give the same bytes: nothing
 * here depends on the clock, the host or chance.
 */
import {
  Field,
  Float64,
  Int32,
  Int64,
  Map_,
  RecordBatch,
  Schema,
  Struct,
  Table as ArrowTable,
  TimestampMillisecond,
  Utf8,
  makeData,
  tableFromIPC,
  tableToIPC,
} from 'apache-arrow';
import type { Data, DataType } from 'apache-arrow';
import {
  Compression,
  EnabledStatistics,
  Encoding,
  Table,
  WriterPropertiesBuilder,
  readParquet,
  writeParquet,
} from 'parquet-wasm/node';
import { jsonbOfMap } from '../../connectors/postgres/jsonb.ts';
import { ROW_COLUMNS, isEmptyMap, permuted, propertiesOf } from './columns.ts';
import type { BytesColumn, Column, EventColumns, Kind, NumberColumn } from './columns.ts';

/** A reader skips row groups by their statistics: with rows sorted by user, most of them. */
const ROW_GROUP_ROWS = 65_536;
const CREATED_BY = 'marquee archive 1';

/** In the order in which people read them. */
export const FILE_COLUMNS: readonly string[] = [
  'event_id',
  'user_id',
  'action',
  'movie_id',
  'value',
  'occurred_at',
  'received_at',
  'session_id',
  'request_id',
  'position',
  'device',
  'app',
  'app_version',
  'properties',
  'kafka_topic',
  'kafka_partition',
  'kafka_offset',
];
const REQUIRED = new Set([
  'event_id',
  'user_id',
  'action',
  'occurred_at',
  'received_at',
  'app',
  'properties',
  'kafka_topic',
  'kafka_partition',
  'kafka_offset',
]);
const ROW_INDEX = new Map(ROW_COLUMNS.map(([name], at) => [name, at]));

const PROPERTIES = mapOfText();
const TYPES: Readonly<Record<Kind, DataType>> = {
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

const SCHEMA = new Schema(
  FILE_COLUMNS.map((name) => {
    const at = ROW_INDEX.get(name);
    const type = at === undefined ? TYPES.text : TYPES[(ROW_COLUMNS[at] as [string, Kind])[1]];
    return new Field(name, type, !REQUIRED.has(name));
  }),
);

/** What the file says of itself, beside its columns. */
export interface FileFacts {
  /** The topic of all rows, or by row. */
  readonly topic: string | readonly string[];
  /** Kept as one JSON object under the key `marquee`: the writer orders several keys by chance. */
  readonly metadata: Readonly<Record<string, string | number>>;
}

/** Values that hardly repeat: a dictionary of them costs more time and bytes than it saves. */
const PACKED_COLUMNS: readonly (readonly [name: string, encoding: Encoding])[] = [
  ['event_id', Encoding.DELTA_BYTE_ARRAY],
  ['session_id', Encoding.DELTA_BYTE_ARRAY],
  ['movie_id', Encoding.DELTA_BINARY_PACKED],
  ['occurred_at', Encoding.DELTA_BINARY_PACKED],
  ['received_at', Encoding.DELTA_BINARY_PACKED],
  ['kafka_offset', Encoding.DELTA_BINARY_PACKED],
];

/** Rows in the order given, as a Parquet file. */
export function encodeFile(events: EventColumns, order: Uint32Array, facts: FileFacts): Buffer {
  return encodeSorted(permuted(events, order), {
    ...facts,
    topic:
      typeof facts.topic === 'string'
        ? facts.topic
        : Array.from(order, (row) => facts.topic[row] as string),
  });
}

/** Rows that stand in the order of the file already. Topics, if by row, in that order too. */
export function encodeSorted(events: EventColumns, facts: FileFacts): Buffer {
  const { rows } = events;
  const children = FILE_COLUMNS.map((name) => {
    const at = ROW_INDEX.get(name);
    if (at === undefined) return topicData(facts.topic, rows);
    return arrowData(events.columns[at] as Column, rows);
  });
  const batch = new RecordBatch(
    SCHEMA,
    makeData({ type: new Struct(SCHEMA.fields), length: rows, nullCount: 0, children }),
  );
  const ipc = tableToIPC(new ArrowTable(batch), 'stream');
  let properties = new WriterPropertiesBuilder()
    .setCompression(Compression.ZSTD)
    .setMaxRowGroupSize(ROW_GROUP_ROWS)
    .setStatisticsEnabled(EnabledStatistics.Page)
    .setCreatedBy(CREATED_BY)
    .setKeyValueMetadata(new Map([['marquee', JSON.stringify(facts.metadata)]]));
  for (const [name, encoding] of PACKED_COLUMNS)
    properties = properties
      .setColumnDictionaryEnabled(name, false)
      .setColumnEncoding(name, encoding);
  const file = writeParquet(Table.fromIPCStream(ipc), properties.build());
  return Buffer.from(file.buffer, file.byteOffset, file.byteLength);
}

/** A file's columns as Arrow has them, a batch of rows at a time. */
export interface ArrowBatch {
  readonly rows: number;
  /** Null where the file lacks the column. */
  column(name: string): Data | null;
}

export function readBatches(file: Buffer): ArrowBatch[] {
  const table = tableFromIPC(readParquet(file, { batchSize: 1 << 20 }).intoIPCStream());
  return table.batches.map((batch) => ({
    rows: batch.numRows,
    column: (name) => batch.getChild(name)?.data[0] ?? null,
  }));
}

/** The rows of a file, in its order, with each row's topic. Columns that it lacks are null. */
export function decodeFile(file: Buffer): {
  readonly events: EventColumns;
  readonly topics: readonly string[];
} {
  const ipc = readParquet(file, { batchSize: 1 << 20 }).intoIPCStream();
  const table = tableFromIPC(ipc);
  const rows = table.numRows;
  const columns = ROW_COLUMNS.map(([name, kind]) => {
    const vector = table.getChild(name);
    return vector === null
      ? emptyColumn(kind, rows)
      : scatter(kind, vector.data as readonly Data[], rows);
  });
  let bytes = 0;
  for (const column of columns)
    bytes += 'values' in column ? column.values.byteLength : column.bytes.byteLength;
  const topic = table.getChild('kafka_topic');
  let topics: readonly string[] | undefined;
  return {
    events: { rows, columns, bytes },
    /** Made when asked for: a string a row. */
    get topics() {
      return (topics ??= topic === null ? [] : textsOf(topic.data as readonly Data[]));
    },
  };
}

interface Shared {
  readonly length: number;
  readonly nullCount: number;
  readonly nullBitmap?: Uint8Array;
}

/** A column as Arrow takes it; texts share its memory. */
function arrowData(column: Column, rows: number): Data {
  const shared = { length: rows, ...validity(column.nulls, rows) };
  if ('values' in column) return numberData(column, shared);
  if (column.kind === 'uuid') return uuidData(column, shared);
  if (column.kind === 'map') return mapData(column, shared);
  const valueOffsets = new Int32Array(rows + 1);
  valueOffsets.set(column.ends.subarray(0, rows), 1);
  const data = column.bytes.subarray(0, valueOffsets[rows]);
  return makeData({ type: new Utf8(), ...shared, valueOffsets, data });
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
/** Where each of the 16 bytes stands in the text of a uuid. */
export const HEX_AT = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);

function uuidData({ ends, bytes, nulls }: BytesColumn, shared: Shared): Data {
  const rows = shared.length;
  const valueOffsets = new Int32Array(rows + 1);
  const data = new Uint8Array((rows - shared.nullCount) * UUID_CHARS).fill(DASH);
  let to = 0;
  for (let i = 0; i < rows; i++) {
    if (nulls[i] === 0) {
      const from = (ends[i] as number) - 16;
      for (let k = 0; k < 16; k++) {
        const byte = bytes[from + k] as number;
        const at = to + (HEX_AT[k] as number);
        data[at] = HEX[byte >> 4] as number;
        data[at + 1] = HEX[byte & 15] as number;
      }
      to += UUID_CHARS;
    }
    valueOffsets[i + 1] = to;
  }
  return makeData({ type: new Utf8(), ...shared, valueOffsets, data });
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

/** Where nothing is escaped, strings are what stands between quotes: keys and values in turn. */
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

function topicData(topic: FileFacts['topic'], rows: number): Data {
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

function emptyColumn(kind: Kind, rows: number): Column {
  const nulls = new Uint8Array(rows).fill(1);
  return kind === 'uuid' || kind === 'text' || kind === 'map'
    ? { kind, ends: new Uint32Array(rows), bytes: new Uint8Array(0), nulls }
    : { kind, values: new Float64Array(rows), nulls };
}

function scatter(kind: Kind, chunks: readonly Data[], rows: number): Column {
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

export function nibble(char: number): number {
  return char <= 0x39 ? char - 0x30 : char - 0x57;
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

function textsOf(chunks: readonly Data[]): string[] {
  return chunks.flatMap((chunk) =>
    Array.from({ length: chunk.length }, (_, i) => textAt(chunk, i)),
  );
}
