/**
 * Files of the archive: Parquet by Arrow and parquet-wasm. The same rows give the same bytes: nothing
 * here depends on the clock, the host or chance.
 */
import {
  Field,
  RecordBatch,
  Schema,
  Struct,
  Table as ArrowTable,
  makeData,
  tableFromIPC,
  tableToIPC,
} from 'apache-arrow';
import type { Data } from 'apache-arrow';
import {
  Compression,
  EnabledStatistics,
  Encoding,
  ParquetFile,
  Table,
  WriterPropertiesBuilder,
  readParquet,
  writeParquet,
} from 'parquet-wasm/node';
import type { WriterProperties } from 'parquet-wasm/node';
import { jsonbOfMap } from '../../connectors/postgres/jsonb.ts';
import { ROW_COLUMNS, buffersOf, giveBack, permuted } from './columns.ts';
import type { BytesColumn, Column, EventColumns, Kind, NumberColumn } from './columns.ts';
import { HEX_AT, TYPES, arrowBuffers, arrowData, topicData } from './to-arrow.ts';

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
  return encodeTable(encodeIpc(events, events.rows, facts.topic), facts.metadata);
}

/** A stream of `encodeIpc` as a Parquet file; the stream is used up. */
export function encodeTable(ipc: Uint8Array, metadata: FileFacts['metadata']): Buffer {
  const table = Table.fromIPCStream(ipc);
  giveBack([ipc.buffer]);
  const file = writeParquet(table, writerProperties(metadata));
  return Buffer.from(file.buffer, file.byteOffset, file.byteLength);
}

/** The first `rows` rows as a stream of Arrow IPC with one batch. */
export function encodeIpc(
  events: EventColumns,
  rows: number,
  topic: FileFacts['topic'],
): Uint8Array {
  const children = FILE_COLUMNS.map((name) => {
    const at = ROW_INDEX.get(name);
    if (at === undefined) return topicData(topic, rows);
    return arrowData(events.columns[at] as Column, rows);
  });
  const batch = new RecordBatch(
    SCHEMA,
    makeData({ type: new Struct(SCHEMA.fields), length: rows, nullCount: 0, children }),
  );
  const ipc = tableToIPC(new ArrowTable(batch), 'stream');
  const shared = new Set<ArrayBufferLike>(buffersOf(events));
  giveBack(children.flatMap(arrowBuffers).filter((buffer) => !shared.has(buffer)));
  return ipc;
}

/** How every file of the archive is written. */
export function writerProperties(metadata: FileFacts['metadata']): WriterProperties {
  let properties = new WriterPropertiesBuilder()
    .setCompression(Compression.ZSTD)
    .setMaxRowGroupSize(ROW_GROUP_ROWS)
    .setStatisticsEnabled(EnabledStatistics.Page)
    .setCreatedBy(CREATED_BY)
    .setKeyValueMetadata(new Map([['marquee', JSON.stringify(metadata)]]));
  for (const [name, encoding] of PACKED_COLUMNS)
    properties = properties
      .setColumnDictionaryEnabled(name, false)
      .setColumnEncoding(name, encoding);
  return properties.build();
}

/** A file's columns as Arrow has them, a batch of rows at a time. */
export interface ArrowBatch {
  readonly rows: number;
  /** Null where the file lacks the column. */
  column(name: string): Data | null;
}

/** One row group after the other: no more than one is decoded at a time, or can be read after. */
export async function* readBatches(file: Buffer): AsyncGenerator<ArrowBatch, void, undefined> {
  const opened = await ParquetFile.fromFile(new Blob([file]));
  const metadata = opened.metadata();
  const groups = metadata.numRowGroups();
  metadata.free();
  opened.free();
  for (let group = 0; group < groups; group++) {
    const decoded = readParquet(file, { rowGroups: [group], batchSize: ROW_GROUP_ROWS });
    const ipc = decoded.intoIPCStream();
    for (const batch of tableFromIPC(ipc).batches)
      yield { rows: batch.numRows, column: (name) => batch.getChild(name)?.data[0] ?? null };
    giveBack([ipc.buffer]);
  }
}

/** The rows of a file, in its order, with each row's topic. Columns that it lacks are null. */
export function decodeFile(file: Buffer): {
  readonly events: EventColumns;
  readonly topics: readonly string[];
} {
  return decodeIpc(readParquet(file, { batchSize: 1 << 20 }).intoIPCStream());
}

export function decodeIpc(ipc: Uint8Array): {
  readonly events: EventColumns;
  readonly topics: readonly string[];
} {
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

/** What a hex digit stands for: without a branch, since digits come by chance. */
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

function textsOf(chunks: readonly Data[]): string[] {
  return chunks.flatMap((chunk) =>
    Array.from({ length: chunk.length }, (_, i) => textAt(chunk, i)),
  );
}
