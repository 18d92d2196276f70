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
  Table,
  WriterPropertiesBuilder,
  readParquet,
  writeParquet,
} from 'parquet-wasm/node';
import type { WriterProperties } from 'parquet-wasm/node';
import { jsonbOfMap } from '../../connectors/postgres/jsonb.ts';
import { ROW_COLUMNS, propertiesOf } from './columns.ts';
import type { BytesColumn, Column, EventColumns, Kind, NumberColumn } from './columns.ts';

/** A reader skips row groups by their statistics: with rows sorted by user, most of them. */
export const ROW_GROUP_ROWS = 65_536;
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

/** Rows in the order given, as a Parquet file. */
export function encodeFile(events: EventColumns, order: Uint32Array, facts: FileFacts): Buffer {
  const ipc = encodeIpc(events, order, facts.topic);
  const file = writeParquet(Table.fromIPCStream(ipc), writerProperties(facts.metadata));
  return Buffer.from(file.buffer, file.byteOffset, file.byteLength);
}

/** Rows in the order given, as a stream of Arrow IPC with one batch. */
export function encodeIpc(
  events: EventColumns,
  order: Uint32Array,
  topic: FileFacts['topic'],
): Uint8Array {
  const children = FILE_COLUMNS.map((name) => {
    const at = ROW_INDEX.get(name);
    if (at === undefined) return topicData(topic, order);
    return gather(events.columns[at] as Column, order);
  });
  const batch = new RecordBatch(
    SCHEMA,
    makeData({ type: new Struct(SCHEMA.fields), length: order.length, nullCount: 0, children }),
  );
  return tableToIPC(new ArrowTable(batch), 'stream');
}

/** How every file of the archive is written. */
export function writerProperties(metadata: FileFacts['metadata']): WriterProperties {
  return new WriterPropertiesBuilder()
    .setCompression(Compression.ZSTD)
    .setMaxRowGroupSize(ROW_GROUP_ROWS)
    .setStatisticsEnabled(EnabledStatistics.Page)
    .setCreatedBy(CREATED_BY)
    .setKeyValueMetadata(new Map([['marquee', JSON.stringify(metadata)]]))
    .build();
}

/** The rows of a file, in its order, with each row's topic. Columns that it lacks are null. */
export function decodeFile(file: Buffer): { events: EventColumns; topics: readonly string[] } {
  return decodeIpc(readParquet(file, { batchSize: 1 << 20 }).intoIPCStream());
}

export function decodeIpc(ipc: Uint8Array): { events: EventColumns; topics: readonly string[] } {
  const table = tableFromIPC(ipc);
  const rows = table.numRows;
  const columns = ROW_COLUMNS.map(([name, kind]) => {
    const vector = table.getChild(name);
    return vector === null
      ? emptyColumn(kind, rows)
      : scatter(kind, vector.data as readonly Data[], rows);
  });
  const topic = table.getChild('kafka_topic');
  const topics = topic === null ? [] : textsOf(topic.data as readonly Data[]);
  let bytes = 0;
  for (const column of columns)
    bytes += 'values' in column ? column.values.byteLength : column.bytes.byteLength;
  return { events: { rows, columns, bytes }, topics };
}

function gather(column: Column, order: Uint32Array): Data {
  const { length } = order;
  const { nullCount, nullBitmap } = validity(column, order);
  const shared = { length, nullCount, ...(nullBitmap === null ? {} : { nullBitmap }) };
  if ('values' in column) return gatherNumbers(column, order, shared);
  if (column.kind === 'uuid') return gatherUuids(column, order, shared);
  if (column.kind === 'map') return gatherMaps(column, order, shared);
  return gatherTexts(column, order, shared);
}

interface Shared {
  readonly length: number;
  readonly nullCount: number;
  readonly nullBitmap?: Uint8Array;
}

function validity(column: Column, order: Uint32Array) {
  let nullCount = 0;
  for (const row of order) nullCount += column.nulls[row] as number;
  if (nullCount === 0) return { nullCount, nullBitmap: null };
  const nullBitmap = new Uint8Array((order.length + 7) >> 3);
  order.forEach((row, i) => {
    if (column.nulls[row] === 0)
      nullBitmap[i >> 3] = (nullBitmap[i >> 3] as number) | (1 << (i & 7));
  });
  return { nullCount, nullBitmap };
}

function gatherNumbers(column: NumberColumn, order: Uint32Array, shared: Shared): Data {
  const { values } = column;
  if (column.kind === 'float64') {
    const data = new Float64Array(order.length);
    order.forEach((row, i) => (data[i] = values[row] as number));
    return makeData({ type: new Float64(), ...shared, data });
  }
  if (column.kind === 'int32') {
    const data = new Int32Array(order.length);
    order.forEach((row, i) => (data[i] = values[row] as number));
    return makeData({ type: new Int32(), ...shared, data });
  }
  // Two halves instead of a bigint a row.
  const data = new BigInt64Array(order.length);
  const halves = new Int32Array(data.buffer);
  order.forEach((row, i) => {
    const value = values[row] as number;
    const high = Math.floor(value / 4_294_967_296);
    halves[2 * i] = value - high * 4_294_967_296;
    halves[2 * i + 1] = high;
  });
  return column.kind === 'time'
    ? makeData({ type: new TimestampMillisecond('UTC'), ...shared, data })
    : makeData({ type: new Int64(), ...shared, data });
}

function gatherTexts(column: BytesColumn, order: Uint32Array, shared: Shared): Data {
  const { ends, bytes } = column;
  const valueOffsets = new Int32Array(order.length + 1);
  order.forEach((row, i) => {
    const length = (ends[row] as number) - (row === 0 ? 0 : (ends[row - 1] as number));
    valueOffsets[i + 1] = (valueOffsets[i] as number) + length;
  });
  const data = new Uint8Array(valueOffsets[order.length] as number);
  let to = 0;
  for (const row of order) {
    const end = ends[row] as number;
    for (let at = row === 0 ? 0 : (ends[row - 1] as number); at < end; at++)
      data[to++] = bytes[at] as number;
  }
  return makeData({ type: new Utf8(), ...shared, valueOffsets, data });
}

const HEX = Buffer.from('0123456789abcdef');
const DASH = 0x2d;
const UUID_CHARS = 36;
/** Where each of the 16 bytes stands in the text of a uuid. */
const HEX_AT = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const DASH_AT = [8, 13, 18, 23];

function gatherUuids(column: BytesColumn, order: Uint32Array, shared: Shared): Data {
  const valueOffsets = new Int32Array(order.length + 1);
  order.forEach((row, i) => {
    valueOffsets[i + 1] = (valueOffsets[i] as number) + (column.nulls[row] === 1 ? 0 : UUID_CHARS);
  });
  const data = new Uint8Array(valueOffsets[order.length] as number);
  order.forEach((row, i) => {
    if (column.nulls[row] === 1) return;
    const from = (column.ends[row] as number) - 16;
    const to = valueOffsets[i] as number;
    for (let k = 0; k < 16; k++) {
      const byte = column.bytes[from + k] as number;
      const at = to + (HEX_AT[k] as number);
      data[at] = HEX[byte >> 4] as number;
      data[at + 1] = HEX[byte & 15] as number;
    }
    for (const at of DASH_AT) data[to + at] = DASH;
  });
  return makeData({ type: new Utf8(), ...shared, valueOffsets, data });
}

function gatherMaps(column: BytesColumn, order: Uint32Array, shared: Shared): Data {
  const valueOffsets = new Int32Array(order.length + 1);
  const keys: string[] = [];
  const values: string[] = [];
  order.forEach((row, i) => {
    if (column.nulls[row] === 0)
      for (const [key, value] of Object.entries(propertiesOf(column, row))) {
        keys.push(key);
        values.push(value);
      }
    valueOffsets[i + 1] = keys.length;
  });
  const entries = makeData({
    type: (PROPERTIES.children[0] as Field<Struct<{ key: Utf8; value: Utf8 }>>).type,
    length: keys.length,
    nullCount: 0,
    children: [textData(keys), textData(values)],
  });
  return makeData({ type: PROPERTIES, ...shared, valueOffsets, child: entries as never });
}

function textData(texts: readonly string[]): Data<Utf8> {
  const parts = texts.map((text) => Buffer.from(text));
  const valueOffsets = new Int32Array(texts.length + 1);
  parts.forEach((part, i) => (valueOffsets[i + 1] = (valueOffsets[i] as number) + part.length));
  return makeData({
    type: new Utf8(),
    length: texts.length,
    nullCount: 0,
    valueOffsets,
    data: Buffer.concat(parts),
  });
}

function topicData(topic: FileFacts['topic'], order: Uint32Array): Data {
  if (typeof topic !== 'string') return textData(Array.from(order, (row) => topic[row] as string));
  const name = Buffer.from(topic);
  const valueOffsets = Int32Array.from({ length: order.length + 1 }, (_, i) => i * name.length);
  const data = new Uint8Array(name.length * order.length);
  for (let i = 0; i < order.length; i++) data.set(name, i * name.length);
  return makeData({ type: new Utf8(), length: order.length, nullCount: 0, valueOffsets, data });
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

function nibble(char: number): number {
  return char <= 0x39 ? char - 0x30 : char - 0x57;
}

function entriesOf(chunk: Data, from: number, to: number): Record<string, string> {
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
