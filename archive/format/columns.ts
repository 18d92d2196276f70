/**
 * Archived events as columns: what a Parquet file holds, between the bytes of COPY rows (which the
 * ledger hashes) and Arrow. Rows come in one way and go out the other with the same bytes, so a
 * file read back can be compared with the ledger.
 */
import type { CopyWriter } from '../../connectors/postgres/copy-writer.ts';

/** 2000-01-01T00:00:00Z in epoch milliseconds, where Postgres starts to count. */
export const PG_EPOCH_MS = 946_684_800_000;

/** Kinds of columns. `uuid` is text in the file, which every reader takes. */
export type Kind = 'uuid' | 'time' | 'int64' | 'float64' | 'int32' | 'text' | 'map';

/** In the order of the COPY rows: the event's content, then where the record stood. */
export const ROW_COLUMNS: readonly (readonly [name: string, kind: Kind])[] = [
  ['event_id', 'uuid'],
  ['occurred_at', 'time'],
  ['movie_id', 'int64'],
  ['value', 'float64'],
  ['position', 'int32'],
  ['request_id', 'uuid'],
  ['user_id', 'text'],
  ['action', 'text'],
  ['session_id', 'text'],
  ['device', 'text'],
  ['app', 'text'],
  ['app_version', 'text'],
  ['properties', 'map'],
  ['received_at', 'time'],
  ['kafka_partition', 'int32'],
  ['kafka_offset', 'int64'],
];

/** Those of the event's content; what follows says where its record stood. */
export const CONTENT_COLUMNS = ROW_COLUMNS.slice(
  0,
  ROW_COLUMNS.findIndex(([name]) => name === 'received_at'),
);

/** Of fixed width: one number a row. Null rows hold 0. */
export interface NumberColumn {
  readonly kind: 'time' | 'int64' | 'float64' | 'int32';
  values: Float64Array;
  nulls: Uint8Array;
}

/** Bytes of any width: row i is bytes[ends[i-1], ends[i]). */
export interface BytesColumn {
  readonly kind: 'uuid' | 'text' | 'map';
  ends: Uint32Array;
  bytes: Uint8Array;
  nulls: Uint8Array;
}

export type Column = NumberColumn | BytesColumn;

/** Rows of one file on their way, in the order in which they were added. */
export interface EventColumns {
  readonly rows: number;
  readonly columns: readonly Column[];
  /** Memory of its columns. */
  readonly bytes: number;
}

/** The memory of its columns, to be handed to another thread or given back. */
export function buffersOf({ columns }: EventColumns): ArrayBuffer[] {
  return columns.flatMap((column) =>
    'values' in column
      ? [column.values.buffer, column.nulls.buffer]
      : [column.ends.buffer, column.bytes.buffer, column.nulls.buffer],
  ) as ArrayBuffer[];
}

/**
 * Gives memory back at once, not when garbage is looked for: who has few objects and many bytes
 * seldom does that. Whoever reads it after finds nothing.
 */
export function giveBack(buffers: readonly ArrayBufferLike[]): void {
  for (const buffer of buffers) (buffer as ArrayBuffer).transfer(0);
}

/** Writes row `i` with its content's bytes as the processors write them. */
export function writeRow(out: CopyWriter, { columns }: EventColumns, i: number): void {
  for (const column of columns) {
    if (column.nulls[i] === 1) {
      out.null();
      continue;
    }
    if ('values' in column) {
      const value = column.values[i] as number;
      if (column.kind === 'time') out.timestamptz(value);
      else if (column.kind === 'int64') out.int8(value);
      else if (column.kind === 'int32') out.int4(value);
      else out.float8(value);
      continue;
    }
    const start = i === 0 ? 0 : (column.ends[i - 1] as number);
    const length = (column.ends[i] as number) - start;
    if (column.kind === 'map') out.jsonb(textOf(column, i));
    else out.slice(column.bytes, start, length);
  }
}

export function textOf(column: BytesColumn, i: number): string {
  const start = i === 0 ? 0 : (column.ends[i - 1] as number);
  return Buffer.from(column.bytes.buffer, column.bytes.byteOffset).toString(
    'utf8',
    start,
    column.ends[i],
  );
}

/** True when row `i` holds "{}", as most do. */
export function isEmptyMap({ ends }: BytesColumn, i: number): boolean {
  return (ends[i] as number) - (i === 0 ? 0 : (ends[i - 1] as number)) === 2;
}

export function propertiesOf(column: BytesColumn, i: number): Readonly<Record<string, string>> {
  if (isEmptyMap(column, i)) return {};
  return JSON.parse(textOf(column, i)) as Record<string, string>;
}

/** The rows in another order; the same ones where that is theirs already. */
export function permuted(events: EventColumns, order: Uint32Array): EventColumns {
  const rows = order.length;
  if (rows === events.rows && order.every((row, i) => row === i)) return events;
  const columns = events.columns.map((column) => permutedColumn(column, order));
  return { rows, columns, bytes: events.bytes };
}

function permutedColumn(column: Column, order: Uint32Array): Column {
  const rows = order.length;
  const nulls = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) nulls[i] = column.nulls[order[i] as number] as number;
  if ('values' in column) {
    const values = new Float64Array(rows);
    for (let i = 0; i < rows; i++) values[i] = column.values[order[i] as number] as number;
    return { kind: column.kind, values, nulls };
  }
  const ends = new Uint32Array(rows);
  const from = column.bytes;
  let length = 0;
  for (let i = 0; i < rows; i++) {
    const row = order[i] as number;
    length += (column.ends[row] as number) - (row === 0 ? 0 : (column.ends[row - 1] as number));
    ends[i] = length;
  }
  const bytes = new Uint8Array(length);
  let to = 0;
  for (let i = 0; i < rows; i++) {
    const row = order[i] as number;
    const end = column.ends[row] as number;
    for (let at = row === 0 ? 0 : (column.ends[row - 1] as number); at < end; at++)
      bytes[to++] = from[at] as number;
  }
  return { kind: column.kind, ends, bytes, nulls };
}

/** Column by its name in ROW_COLUMNS. */
export function bytesColumn(events: EventColumns, name: string): BytesColumn {
  const column = events.columns[ROW_COLUMNS.findIndex(([n]) => n === name)];
  if (column === undefined || !('ends' in column)) throw new Error(`no column of bytes ${name}`);
  return column;
}

export function numberColumn(events: EventColumns, name: string): NumberColumn {
  const column = events.columns[ROW_COLUMNS.findIndex(([n]) => n === name)];
  if (column === undefined || !('values' in column))
    throw new Error(`no column of numbers ${name}`);
  return column;
}
