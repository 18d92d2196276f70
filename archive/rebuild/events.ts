import type { UserActionRecord } from '../../schemas/generated/types.ts';
import type { Accepted } from '../../streams/runtime/processor.ts';
import { bytesColumn, numberColumn, propertiesOf, textOf } from '../format/columns.ts';
import type { BytesColumn, EventColumns, NumberColumn } from '../format/columns.ts';

const UUID_BYTES = 16;

/** A row of a file as the stores take an event; the file's columns stay in memory with it. */
export interface ArchivedEvent extends Accepted<UserActionRecord> {
  readonly topic: string;
  readonly columns: EventColumns;
  readonly row: number;
}

/** Reads rows of these columns as the processors take actions. */
export function createActionReader(events: EventColumns): (row: number) => UserActionRecord {
  const bytes = (name: string) => bytesColumn(events, name);
  const numbers = (name: string) => numberColumn(events, name);
  const [id, user, action] = [bytes('event_id'), bytes('user_id'), bytes('action')];
  const [movie, value, occurred] = [numbers('movie_id'), numbers('value'), numbers('occurred_at')];
  const [session, request, position] = [
    bytes('session_id'),
    bytes('request_id'),
    numbers('position'),
  ];
  const [device, app, version] = [bytes('device'), bytes('app'), bytes('app_version')];
  const properties = bytes('properties');
  return (row) => ({
    event_id: uuidAt(id, row) as Buffer,
    user_id: textOf(user, row),
    action: textOf(action, row),
    movie_id: numberAt(movie, row),
    value: numberAt(value, row),
    occurred_at: occurred.values[row] as number,
    session_id: textAt(session, row),
    request_id: uuidAt(request, row),
    position: numberAt(position, row),
    device: textAt(device, row),
    app: textOf(app, row),
    app_version: textAt(version, row),
    properties: propertiesOf(properties, row),
  });
}

function textAt(column: BytesColumn, row: number): string | null {
  return column.nulls[row] === 1 ? null : textOf(column, row);
}

function numberAt(column: NumberColumn, row: number): number | null {
  return column.nulls[row] === 1 ? null : (column.values[row] as number);
}

function uuidAt(column: BytesColumn, row: number): Buffer | null {
  if (column.nulls[row] === 1) return null;
  const from = (column.ends[row] as number) - UUID_BYTES;
  return Buffer.from(column.bytes.buffer, column.bytes.byteOffset + from, UUID_BYTES);
}
