/** Parquet to rows, by parquet-wasm and Arrow. */
import { openAsBlob } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';
import type { Data } from 'apache-arrow';
import { ParquetFile, readParquet } from 'parquet-wasm/node';
import { ROW_COLUMNS, giveBack } from './columns.ts';
import type { EventColumns } from './columns.ts';
import { ROW_GROUP_ROWS } from './file-schema.ts';
import { columnOf, textsOf } from './from-arrow.ts';

/** Some rows of a file, in the columns that Arrow has. */
export interface ArrowBatch {
  readonly rows: number;
  /** Null where the file lacks the column. */
  column(name: string): Data | null;
}

/**
 * The file's row groups as Arrow has them, one after the other; the next takes the last one's
 * place.
 */
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

export interface DecodedRows {
  readonly events: EventColumns;
  /** By row; made when asked for, a string a row. */
  topics(): readonly string[];
}

/** The rows of a file, in its order. Columns that it lacks are null. */
export function decodeFile(file: Buffer): DecodedRows {
  return decodeIpc(readParquet(file, { batchSize: 1 << 20 }).intoIPCStream());
}

/** The row groups of a local file, one after the other: no more than one is decoded at a time. */
export async function* decodeGroups(path: string): AsyncGenerator<DecodedRows, void, undefined> {
  const file = await ParquetFile.fromFile(await openAsBlob(path));
  try {
    const groups = file.metadata().numRowGroups();
    for (let group = 0; group < groups; group++) {
      const rows = await file.read({ rowGroups: [group], batchSize: ROW_GROUP_ROWS });
      yield decodeIpc(rows.intoIPCStream());
    }
  } finally {
    file.free();
  }
}

function decodeIpc(ipc: Uint8Array): DecodedRows {
  const table = tableFromIPC(ipc);
  const rows = table.numRows;
  const columns = ROW_COLUMNS.map(([name, kind]) =>
    columnOf(kind, (table.getChild(name)?.data ?? []) as readonly Data[], rows),
  );
  let bytes = 0;
  for (const column of columns)
    bytes += 'values' in column ? column.values.byteLength : column.bytes.byteLength;
  return {
    events: { rows, columns, bytes },
    topics: () => textsOf((table.getChild('kafka_topic')?.data ?? []) as readonly Data[]),
  };
}
