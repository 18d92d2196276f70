import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from '../../connectors/postgres/session.ts';
import { DAY_MS } from '../../common/time.ts';
import { ARCHIVED_TOPIC } from '../consumer.ts';
import { ColumnBuilder } from '../format/column-builder.ts';
import { ROW_COLUMNS } from '../format/columns.ts';
import { copyRows } from '../../connectors/postgres/copy-rows.ts';
import { encodeFile } from '../format/encode.ts';
import type { HotBounds } from './manifest-reader.ts';

/** Rows of one file: what is in memory at once. */
const FILE_ROWS = 131_072;

/**
 * Writes the hot rows of a UTC date within the bounds into Parquet files of the same columns as the
 * archive's, and returns their paths. `session` is in a transaction.
 */
export async function writeHotFiles(
  session: Session,
  folder: string,
  date: string,
  bounds: readonly HotBounds[],
  onRows: (rows: number) => void,
): Promise<string[]> {
  if (bounds.length === 0) return [];
  const target = join(folder, `date=${date}`);
  await mkdir(target, { recursive: true });
  const paths: string[] = [];
  let builder = new ColumnBuilder();
  const flush = async (): Promise<void> => {
    if (builder.rows === 0) return;
    const path = join(target, `hot-${paths.length}.parquet`);
    const order = Uint32Array.from({ length: builder.rows }, (_, i) => i);
    await writeFile(path, encodeFile(builder, order, { topic: ARCHIVED_TOPIC, metadata: {} }));
    onRows(builder.rows);
    paths.push(path);
    builder = new ColumnBuilder();
  };
  for await (const { bytes, at } of copyRows(session.copyOut(queryOf(date, bounds)))) {
    builder.add(bytes, at);
    if (builder.rows === FILE_ROWS) await flush();
  }
  await flush();
  return paths;
}

function queryOf(date: string, bounds: readonly HotBounds[]): string {
  const within = bounds.map(
    ({ partition, from, to }) =>
      `WHEN ${partition} THEN kafka_offset >= ${from} AND kafka_offset < ${to}`,
  );
  const next = new Date(Date.parse(date) + DAY_MS).toISOString().slice(0, 10);
  return (
    `COPY (SELECT ${ROW_COLUMNS.map(([name]) => name).join(', ')} FROM rt_user_interactions ` +
    `WHERE event_id >= lowest_uuid_at('${date}T00:00:00Z') ` +
    `AND event_id < lowest_uuid_at('${next}T00:00:00Z') ` +
    `AND CASE kafka_partition ${within.join(' ')} ELSE false END) TO STDOUT (FORMAT binary)`
  );
}
