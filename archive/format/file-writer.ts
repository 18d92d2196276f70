import { createHash } from 'node:crypto';
import { buffersOf, giveBack } from './columns.ts';
import type { EventColumns } from './columns.ts';
import { inspectFile } from './inspect.ts';
import type { FileContents } from './inspect.ts';
import { sortedColumns } from './packed-rows.ts';
import type { PackedRows } from './packed-rows.ts';
import { encodeIpc, encodeTable } from './parquet.ts';
import type { FileFacts } from './parquet.ts';

export interface MadeFile {
  readonly bytes: Buffer;
  readonly sha256: Buffer;
}

/** The part of the archive's work that takes the processor, and no server. */
export interface FileMaker {
  /** Sorts rows and writes them. They are the maker's from now on. */
  make(rows: PackedRows, facts: FileFacts): Promise<MadeFile>;
  /** Decodes a file and says what is in it. The bytes are the maker's from now on. */
  inspect(file: Buffer): Promise<FileContents>;
  close(): Promise<void>;
}

/** Works where it is called; `thread.ts` has one that works beside. */
export const inPlace: FileMaker = {
  make: (rows, facts) => Promise.resolve(makeFile(rows, facts)),
  inspect: inspectFile,
  close: () => Promise.resolve(),
};

export function makeFile(rows: PackedRows, facts: FileFacts): MadeFile {
  return makeSortedFile(sortedColumns(rows), facts);
}

/** Rows that are in the order of a file already; their columns are used up. */
export function makeSortedFile(columns: EventColumns, facts: FileFacts): MadeFile {
  const ipc = encodeIpc(columns, columns.rows, facts.topic);
  giveBack(buffersOf(columns));
  const bytes = encodeTable(ipc, facts.metadata);
  return { bytes, sha256: createHash('sha256').update(bytes).digest() };
}
