import { Field, Schema } from 'apache-arrow';
import { ROW_COLUMNS } from './columns.ts';
import type { Kind } from './columns.ts';
import { TYPES } from './to-arrow.ts';

/** A reader skips row groups by their statistics: with rows sorted by user, most of them. */
export const ROW_GROUP_ROWS = 65_536;
/** Columns of a file, in the order in which people read them. */
export const FILE_COLUMNS: readonly string[] = [
  'event_id',
  'user_id',
  'action',
  'movie_id',
  'value',
  'occurred_at',
  'received_at',
  'session_id',
  'request_id',
  'position',
  'device',
  'app',
  'app_version',
  'properties',
  'kafka_topic',
  'kafka_partition',
  'kafka_offset',
];
const REQUIRED = new Set([
  'event_id',
  'user_id',
  'action',
  'occurred_at',
  'received_at',
  'app',
  'properties',
  'kafka_topic',
  'kafka_partition',
  'kafka_offset',
]);
/** Index of a file's column among those of a row; `kafka_topic` is none of them. */
export const ROW_INDEX = new Map(ROW_COLUMNS.map(([name], at) => [name, at]));

export const SCHEMA = new Schema(
  FILE_COLUMNS.map((name) => {
    const at = ROW_INDEX.get(name);
    const type = at === undefined ? TYPES.text : TYPES[(ROW_COLUMNS[at] as [string, Kind])[1]];
    return new Field(name, type, !REQUIRED.has(name));
  }),
);
