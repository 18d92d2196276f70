/**
 * Merges files of the archive, sorted by user and id, into one, in memory that doesn't grow with
 * them: a row group of each is decoded at a time.
 */
import { addChecksums, checksumsOf, createChecksums } from '../format/checksums.ts';
import type { Checksums } from '../format/checksums.ts';
import { bytesColumn } from '../format/columns.ts';
import { decodeGroups } from '../format/decode.ts';
import type { FileFacts } from '../format/encode.ts';
import { ROW_GROUP_ROWS } from '../format/file-schema.ts';
import { compareBytes, compareCursors, loadGroup, nextInGroup, openCursor } from './file-cursor.ts';
import type { FileCursor } from './file-cursor.ts';
import { RowBuffer } from './row-buffer.ts';
import { createRowGroupWriter } from './row-group-writer.ts';

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
  const heap: FileCursor[] = [];
  for (const path of inputs) {
    const cursor = await openCursor(path);
    if (cursor !== null) heap.push(cursor);
  }
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) siftDown(heap, i);

  const out = createRowGroupWriter(output, facts);
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
      // The last row stays, for the next one to be compared with.
      if (kept.rows > ROW_GROUP_ROWS) {
        rows += ROW_GROUP_ROWS;
        await out.write(kept, ROW_GROUP_ROWS);
        kept.keepLast();
      }
      if (!nextInGroup(top) && !(await loadGroup(top))) {
        const last = heap.pop() as FileCursor;
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
  } finally {
    await Promise.all(heap.map(({ groups }) => groups.return()));
  }
}

/** Checksums of a local file's rows, a row group at a time, with its lowest and highest id. */
export async function checksumsOfFile(
  path: string,
): Promise<{ checksums: Checksums; firstId: Buffer; lastId: Buffer }> {
  const checksums = createChecksums();
  let firstId: Buffer | null = null;
  let lastId: Buffer | null = null;
  for await (const { events } of decodeGroups(path)) {
    addChecksums(checksums, checksumsOf(events));
    const ids = bytesColumn(events, 'event_id').bytes;
    for (let i = 0; i < events.rows; i++) {
      const id = Buffer.from(ids.buffer, i * UUID_BYTES, UUID_BYTES);
      if (firstId === null || id.compare(firstId) < 0) firstId = Buffer.from(id);
      if (lastId === null || id.compare(lastId) > 0) lastId = Buffer.from(id);
    }
  }
  if (firstId === null || lastId === null) throw new Error(`${path} has no rows`);
  return { checksums, firstId, lastId };
}

function isSameEvent(cursor: FileCursor, kept: RowBuffer, row: number): boolean {
  return (
    compareBytes(cursor.ids, cursor.row, kept.ids, row) === 0 &&
    compareBytes(cursor.users, cursor.row, kept.users, row) === 0
  );
}

function siftDown(heap: FileCursor[], from: number): void {
  const moved = heap[from];
  if (moved === undefined) return;
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right !== undefined && compareCursors(right, heap[child] as FileCursor) < 0) child++;
    if (compareCursors(moved, heap[child] as FileCursor) <= 0) break;
    heap[at] = heap[child] as FileCursor;
    at = child;
  }
  heap[at] = moved;
}
