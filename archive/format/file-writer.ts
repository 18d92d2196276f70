import { createHash } from 'node:crypto';
import { buffersOf, giveBack } from './columns.ts';
import type { EventColumns } from './columns.ts';
import { inspectFile } from './inspect.ts';
import type { FileContents } from './inspect.ts';
import { sortedColumns } from './packed-rows.ts';
import type { PackedRows } from './packed-rows.ts';
import { encodeIpc, encodeTable } from './parquet.ts';
import type { FileFacts } from './parquet.ts';

export interface WrittenFile {
  readonly bytes: Buffer;
  readonly sha256: Buffer;
}

/** The part of the archive's work that takes the processor, and no server. */
export interface FileWriter {
  /** Sorts rows and writes them. They are the maker's from now on. */
  write(rows: PackedRows, facts: FileFacts): Promise<WrittenFile>;
  /** Decodes a file and says what is in it. The bytes are the maker's from now on. */
  inspect(file: Buffer): Promise<FileContents>;
  close(): Promise<void>;
}

/** Works where it is called; `thread.ts` has one that works beside. */
export const inPlace: FileWriter = {
  write: (rows, facts) => Promise.resolve(writeFile(rows, facts)),
  inspect: inspectFile,
  close: () => Promise.resolve(),
};

export function writeFile(rows: PackedRows, facts: FileFacts): WrittenFile {
  return writeSortedFile(sortedColumns(rows), facts);
}

/** Rows that are in the order of a file already; their columns are used up. */
export function writeSortedFile(columns: EventColumns, facts: FileFacts): WrittenFile {
  const ipc = encodeIpc(columns, columns.rows, facts.topic);
  giveBack(buffersOf(columns));
  const bytes = encodeTable(ipc, facts.metadata);
  return { bytes, sha256: createHash('sha256').update(bytes).digest() };
}
