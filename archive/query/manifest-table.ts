import { quote } from '../../connectors/duckdb/database.ts';
import type { DuckDb } from '../../connectors/duckdb/database.ts';
import type { ListedFile } from './manifest-reader.ts';

/** Rows of one INSERT. */
const BATCH_ROWS = 500;

/** Makes DuckDB's table `manifest` anew, with a row a file. */
export async function fillManifestTable(
  database: DuckDb,
  files: readonly ListedFile[],
): Promise<void> {
  await database.run(
    `CREATE OR REPLACE TABLE manifest (path VARCHAR, topic VARCHAR, partition INTEGER,
       from_offset BIGINT, to_offset BIGINT, date DATE, rows BIGINT, bytes BIGINT, sha256 VARCHAR,
       generation INTEGER, recorded_at TIMESTAMP WITH TIME ZONE)`,
  );
  for (let at = 0; at < files.length; at += BATCH_ROWS) {
    const rows = files.slice(at, at + BATCH_ROWS).map((file) => `(${valuesOf(file)})`);
    await database.run(`INSERT INTO manifest VALUES ${rows.join(', ')}`);
  }
}

function valuesOf(f: ListedFile): string {
  return [f.path, f.topic, f.partition, f.fromOffset, f.toOffset, f.date, f.rows, f.bytes, f.sha256]
    .concat(f.generation, f.recordedAt)
    .map(literal)
    .join(', ');
}

function literal(value: string | number | null): string {
  if (value === null) return 'NULL';
  return typeof value === 'number' ? String(value) : quote(value);
}
