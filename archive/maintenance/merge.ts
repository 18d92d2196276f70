/**
 * Merges files of the archive, sorted by user and id, into one, in memory that doesn't grow with
 * them: a row group of each is decoded at a time.
 */
import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { open } from 'node:fs/promises';
import { ParquetFile, Table, transformParquetStream } from 'parquet-wasm/node';
import type { RecordBatch } from 'parquet-wasm/node';
import { bytesColumn, numberColumn } from '../format/columns.ts';
import type { BytesColumn, EventColumns, NumberColumn } from '../format/columns.ts';
import { ROW_GROUP_ROWS, decodeIpc, encodeIpc, writerProperties } from '../format/parquet.ts';
import type { FileFacts } from '../format/parquet.ts';
import { RowBuffer } from './row-buffer.ts';
import { addChecksums, createChecksums, checksumsOf } from '../format/checksums.ts';
import type { Checksums } from '../format/checksums.ts';

const UUID_BYTES = 16;

export interface MergedFile {
  readonly rows: number;
  readonly sha256: Buffer;
  readonly bytes: number;
  /** Resends that were left out. */
  readonly removed: Checksums;
}

/**
 * Writes the rows of the local files `inputs` to the local file `output`, in order, and of rows
 * with the same user and event id the one with the lowest offset alone. The same inputs give the
 * same bytes.
 */
export async function mergeFiles(
  inputs: readonly string[],
  output: string,
  facts: { readonly topic: string; readonly metadata: FileFacts['metadata'] },
): Promise<MergedFile> {
  const heap: Cursor[] = [];
  for (const path of inputs) {
    const cursor = await openCursor(path);
    if (cursor !== null) heap.push(cursor);
  }
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) siftDown(heap, i);

  const out = createFileWriter(output, facts);
  const kept = new RowBuffer(ROW_GROUP_ROWS + 1);
  const left = new RowBuffer(ROW_GROUP_ROWS);
  const removed = createChecksums();
  let rows = 0;
  const leaveOut = (): void => {
    addChecksums(removed, checksumsOf(left));
    left.reset();
  };
  try {
    for (let top = heap[0]; top !== undefined; top = heap[0]) {
      const into = kept.rows > 0 && isSameEvent(top, kept, kept.rows - 1) ? left : kept;
      into.append(top.events, top.row);
      if (left.rows === ROW_GROUP_ROWS) leaveOut();
      // The last row stays, for the next one to be held against it.
      if (kept.rows > ROW_GROUP_ROWS) {
        rows += ROW_GROUP_ROWS;
        await out.write(kept, ROW_GROUP_ROWS);
        kept.keepLast();
      }
      if (++top.row === top.events.rows && !(await loadGroup(top))) {
        top.file.free();
        const last = heap.pop() as Cursor;
        if (heap.length > 0) heap[0] = last;
      }
      siftDown(heap, 0);
    }
    leaveOut();
    rows += kept.rows;
    if (kept.rows > 0) await out.write(kept, kept.rows);
    return { rows, removed, ...(await out.end()) };
  } catch (error) {
    await out.abort(error);
    throw error;
  }
}

/** The sums of a local file's rows, a row group at a time, with its lowest and highest id. */
export async function checksumsOfFile(
  path: string,
): Promise<{ sums: Checksums; firstId: Buffer; lastId: Buffer }> {
  const sums = createChecksums();
  let firstId: Buffer | null = null;
  let lastId: Buffer | null = null;
  for (let cursor = await openCursor(path); cursor !== null;) {
    const { events } = cursor;
    addChecksums(sums, checksumsOf(events));
    for (let i = 0; i < events.rows; i++) {
      const id = Buffer.from(cursor.ids.bytes.buffer, i * UUID_BYTES, UUID_BYTES);
      if (firstId === null || id.compare(firstId) < 0) firstId = Buffer.from(id);
      if (lastId === null || id.compare(lastId) > 0) lastId = Buffer.from(id);
    }
    if (!(await loadGroup(cursor))) {
      cursor.file.free();
      cursor = null;
    }
  }
  if (firstId === null || lastId === null) throw new Error(`${path} has no rows`);
  return { sums, firstId, lastId };
}

/** Where a merge stands in one of its files. */
interface Cursor {
  readonly file: ParquetFile;
  readonly groups: number;
  group: number;
  row: number;
  events: EventColumns;
  users: BytesColumn;
  ids: BytesColumn;
  partitions: NumberColumn;
  offsets: NumberColumn;
}

/** At the first row of the file; null when it has none. */
async function openCursor(path: string): Promise<Cursor | null> {
  const file = await ParquetFile.fromFile(await openAsBlob(path));
  const groups = file.metadata().numRowGroups();
  const cursor = { file, groups, group: 0, row: 0 } as Cursor;
  return (await loadGroup(cursor)) ? cursor : null;
}

async function loadGroup(cursor: Cursor): Promise<boolean> {
  if (cursor.group === cursor.groups) return false;
  const options = { rowGroups: [cursor.group++], batchSize: ROW_GROUP_ROWS };
  const { events } = decodeIpc((await cursor.file.read(options)).intoIPCStream());
  cursor.events = events;
  cursor.row = 0;
  cursor.users = bytesColumn(events, 'user_id');
  cursor.ids = bytesColumn(events, 'event_id');
  cursor.partitions = numberColumn(events, 'kafka_partition');
  cursor.offsets = numberColumn(events, 'kafka_offset');
  return events.rows > 0 || loadGroup(cursor);
}

/** The order of a file: by user, then by id; the place decides between resends. */
function compareCursors(a: Cursor, b: Cursor): number {
  const byUser = compareBytes(a.users, a.row, b.users, b.row);
  if (byUser !== 0) return byUser;
  const byId = compareBytes(a.ids, a.row, b.ids, b.row);
  if (byId !== 0) return byId;
  const byPartition =
    (a.partitions.values[a.row] as number) - (b.partitions.values[b.row] as number);
  if (byPartition !== 0) return byPartition;
  return (a.offsets.values[a.row] as number) - (b.offsets.values[b.row] as number);
}

function compareBytes(a: BytesColumn, i: number, b: BytesColumn, j: number): number {
  let at = i === 0 ? 0 : (a.ends[i - 1] as number);
  let to = j === 0 ? 0 : (b.ends[j - 1] as number);
  const aEnd = a.ends[i] as number;
  const bEnd = b.ends[j] as number;
  for (; at < aEnd && to < bEnd; at++, to++) {
    const d = (a.bytes[at] as number) - (b.bytes[to] as number);
    if (d !== 0) return d;
  }
  return aEnd - at - (bEnd - to);
}

function isSameEvent(cursor: Cursor, kept: RowBuffer, row: number): boolean {
  return (
    compareBytes(cursor.ids, cursor.row, kept.ids, row) === 0 &&
    compareBytes(cursor.users, cursor.row, kept.users, row) === 0
  );
}

function siftDown(heap: Cursor[], from: number): void {
  const moved = heap[from];
  if (moved === undefined) return;
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right !== undefined && compareCursors(right, heap[child] as Cursor) < 0) child++;
    if (compareCursors(moved, heap[child] as Cursor) <= 0) break;
    heap[at] = heap[child] as Cursor;
    at = child;
  }
  heap[at] = moved;
}

/** A Parquet file that is written a row group at a time, and hashed on its way. */
function createFileWriter(
  path: string,
  { topic, metadata }: { readonly topic: string; readonly metadata: FileFacts['metadata'] },
) {
  const { readable, writable } = new TransformStream<RecordBatch, RecordBatch>();
  const batches = writable.getWriter();
  const hash = createHash('sha256');
  let bytes = 0;
  const written = (async () => {
    const file = await open(path, 'w');
    try {
      const parquet = await transformParquetStream(readable, writerProperties(metadata));
      for await (const chunk of parquet as ReadableStream<Uint8Array>) {
        hash.update(chunk);
        bytes += chunk.length;
        await file.writeFile(chunk);
      }
    } finally {
      await file.close();
    }
  })();
  // Told by `end`; a fault before it stops the writing too.
  written.catch((error: unknown) => batches.abort(error)).catch(() => undefined);
  return {
    async write(rows: RowBuffer, count: number): Promise<void> {
      for (const batch of Table.fromIPCStream(encodeIpc(rows, count, topic)).recordBatches())
        await batches.write(batch);
    },
    async end(): Promise<{ sha256: Buffer; bytes: number }> {
      await batches.close();
      await written;
      return { sha256: hash.digest(), bytes };
    },
    async abort(error: unknown): Promise<void> {
      await batches.abort(error).catch(() => undefined);
      await written.catch(() => undefined);
    },
  };
}
