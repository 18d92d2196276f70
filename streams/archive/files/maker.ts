import { createHash } from 'node:crypto';
import type { EventColumns } from './columns.ts';
import { inspectFile } from './inspect.ts';
import type { FileContents } from './inspect.ts';
import { encodeSorted } from './parquet.ts';
import type { FileFacts } from './parquet.ts';

export interface MadeFile {
  readonly bytes: Buffer;
  readonly sha256: Buffer;
}

/** The part of the archive's work that takes the processor, and no server. */
export interface FileMaker {
  /** Writes rows, in the order of a file already. They are the maker's from now on. */
  make(events: EventColumns, facts: FileFacts): Promise<MadeFile>;
  /** Decodes a file and says what is in it. The bytes are the maker's from now on. */
  inspect(file: Buffer): Promise<FileContents>;
  close(): Promise<void>;
}

/** Works where it is called; `thread.ts` has one that works beside. */
export const inPlace: FileMaker = {
  make: (events, facts) => Promise.resolve(makeFile(events, facts)),
  inspect: inspectFile,
  close: () => Promise.resolve(),
};

export function makeFile(events: EventColumns, facts: FileFacts): MadeFile {
  const bytes = encodeSorted(events, facts);
  return { bytes, sha256: createHash('sha256').update(bytes).digest() };
}
