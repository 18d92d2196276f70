import { createHash } from 'node:crypto';
import { buffersOf, giveBack } from './columns.ts';
import type { EventColumns } from './columns.ts';
import type { FileContents } from './inspect.ts';
import { sortedColumns } from './packed-rows.ts';
import type { PackedRows } from './packed-rows.ts';
import { encodeIpc, encodeTable } from './encode.ts';
import type { FileFacts } from './encode.ts';

export interface WrittenFile {
  readonly bytes: Buffer;
  readonly sha256: Buffer;
}

/** Sorting, encoding, decoding and hashing: work that takes the processor, and no server. */
export interface FileWriter {
  /** Sorts rows and writes them. The packed rows are used up. */
  write(rows: PackedRows, facts: FileFacts): Promise<WrittenFile>;
  /** Decodes a file and says what is in it. The bytes are used up. */
  inspect(file: Buffer): Promise<FileContents>;
  close(): Promise<void>;
}

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
