import { bytesColumn, numberColumn } from '../format/columns.ts';
import type { BytesColumn, EventColumns, NumberColumn } from '../format/columns.ts';
import { decodeGroups } from '../format/decode.ts';
import type { DecodedRows } from '../format/decode.ts';

/** A row of a local file, and what comes after it: one row group of it is in memory. */
export interface FileCursor {
  readonly groups: AsyncGenerator<DecodedRows, void, undefined>;
  row: number;
  events: EventColumns;
  users: BytesColumn;
  ids: BytesColumn;
  partitions: NumberColumn;
  offsets: NumberColumn;
}

/** At the first row of the file; null when it has none. */
export async function openCursor(path: string): Promise<FileCursor | null> {
  const cursor = { groups: decodeGroups(path) } as FileCursor;
  return (await loadGroup(cursor)) ? cursor : null;
}

/** To the next row of its row group. False at the group's end: then `loadGroup` goes on. */
export function nextInGroup(cursor: FileCursor): boolean {
  return ++cursor.row < cursor.events.rows;
}

/** To the first row of the next row group; false at the end of the file, which is closed then. */
export async function loadGroup(cursor: FileCursor): Promise<boolean> {
  for (;;) {
    const next = await cursor.groups.next();
    if (next.done === true) return false;
    const { events } = next.value;
    if (events.rows === 0) continue;
    cursor.events = events;
    cursor.row = 0;
    cursor.users = bytesColumn(events, 'user_id');
    cursor.ids = bytesColumn(events, 'event_id');
    cursor.partitions = numberColumn(events, 'kafka_partition');
    cursor.offsets = numberColumn(events, 'kafka_offset');
    return true;
  }
}

/** The order of a file: by user, then by id; the offset decides between resends. */
export function compareCursors(a: FileCursor, b: FileCursor): number {
  const byUser = compareBytes(a.users, a.row, b.users, b.row);
  if (byUser !== 0) return byUser;
  const byId = compareBytes(a.ids, a.row, b.ids, b.row);
  if (byId !== 0) return byId;
  const byPartition =
    (a.partitions.values[a.row] as number) - (b.partitions.values[b.row] as number);
  if (byPartition !== 0) return byPartition;
  return (a.offsets.values[a.row] as number) - (b.offsets.values[b.row] as number);
}

export function compareBytes(a: BytesColumn, i: number, b: BytesColumn, j: number): number {
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
