/**
 * Rows to Parquet, by Arrow and parquet-wasm. The same rows give the same bytes: nothing here
 * depends on the clock, the host or chance.
 */
import { RecordBatch, Struct, Table as ArrowTable, makeData, tableToIPC } from 'apache-arrow';
import {
  Compression,
  EnabledStatistics,
  Encoding,
  Table,
  WriterPropertiesBuilder,
  writeParquet,
} from 'parquet-wasm/node';
import type { WriterProperties } from 'parquet-wasm/node';
import { buffersOf, giveBack, permuted } from './columns.ts';
import type { Column, EventColumns } from './columns.ts';
import { FILE_COLUMNS, ROW_GROUP_ROWS, ROW_INDEX, SCHEMA } from './file-schema.ts';
import { arrowBuffers, arrowData, topicData } from './to-arrow.ts';

const CREATED_BY = 'marquee archive 1';

/** Facts of a file beside its columns. */
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
  const { topic, metadata } = facts;
  const sorted = permuted(events, order);
  const topics =
    typeof topic === 'string' ? topic : Array.from(order, (row) => topic[row] as string);
  return encodeTable(encodeIpc(sorted, sorted.rows, topics), metadata);
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

/** Properties with which every file of the archive is written. */
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
