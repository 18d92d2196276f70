/** The SQL of the view `events`: its columns, and the files that it is made of. */
import { quote } from '../../connectors/duckdb/database.ts';
import { ROW_COLUMNS } from '../format/columns.ts';
import type { Kind } from '../format/columns.ts';
import { FILE_COLUMNS } from '../format/file-schema.ts';
import type { ListedFile, ManifestSnapshot } from './manifest-reader.ts';

const TYPES: Readonly<Record<Kind, string>> = {
  uuid: 'VARCHAR',
  text: 'VARCHAR',
  time: 'TIMESTAMP WITH TIME ZONE',
  int64: 'BIGINT',
  float64: 'DOUBLE',
  int32: 'INTEGER',
  map: 'MAP(VARCHAR, VARCHAR)',
};
const KINDS = new Map(ROW_COLUMNS);

/** Name and DuckDB type of each column of a file. */
const COLUMN_TYPES: readonly (readonly [name: string, type: string])[] = FILE_COLUMNS.map(
  (name) => [name, TYPES[KINDS.get(name) ?? 'text']],
);

/**
 * One schema for all files, given and not looked up: a column that an older file lacks is null, and
 * no object is opened for planning. (It can't be given together with DuckDB's own Hive partitions.)
 */
const SCHEMA = `MAP {${COLUMN_TYPES.map(
  ([name, type]) =>
    `${quote(name)}: {name: ${quote(name)}, type: ${quote(type)}, default_value: NULL}`,
).join(', ')}}`;

const NAMES = COLUMN_TYPES.map(([name]) => name).join(', ');

/**
 * Rows of Parquet files with their `date`, which is their folder's: a condition on it is one on the
 * name of a file, so files of other dates are left out unopened.
 */
function scanOf(paths: readonly string[]): string {
  return (
    `SELECT ${NAMES}, ` +
    `regexp_extract(filename, '/date=(\\d{4}-\\d\\d-\\d\\d)/[^/]*$', 1)::DATE AS date ` +
    `FROM read_parquet([${paths.map(quote).join(', ')}], schema = ${SCHEMA}, filename = true)`
  );
}

/** Paths of the view's files. */
export interface EventFiles {
  /** Files in which, over all of their date, no event is twice. */
  readonly single: readonly string[];
  /** Files whose events may be in another one, or twice in the same. */
  readonly several: readonly string[];
}

/** The manifest's files: one that was merged and is alone with its date has each event once. */
export function splitFiles(manifest: ManifestSnapshot): {
  readonly single: readonly ListedFile[];
  readonly several: readonly ListedFile[];
} {
  const byDate = Map.groupBy(manifest.files, ({ date }) => date);
  const hotDates = new Set(manifest.hotDates);
  const isSingle = ({ date, generation }: ListedFile) =>
    generation > 0 && byDate.get(date)?.length === 1 && !hotDates.has(date);
  return {
    single: manifest.files.filter(isSingle),
    several: manifest.files.filter((file) => !isSingle(file)),
  };
}

/**
 * Each event once. Of the copies of an id within its date the first counts, by topic, partition and
 * offset. The copies have the time that is in their id: a condition on date, id or time goes down
 * to the files, before copies are looked for.
 */
export function viewOf(name: string, { single, several }: EventFiles): string {
  const parts: string[] = [];
  if (single.length > 0) parts.push(scanOf(single));
  if (several.length > 0)
    parts.push(
      `SELECT * EXCLUDE (copy) FROM (
         SELECT *, row_number() OVER (PARTITION BY date, event_id, occurred_at
           ORDER BY kafka_topic, kafka_partition, kafka_offset) AS copy FROM (${scanOf(several)}))
        WHERE copy = 1`,
    );
  if (parts.length === 0) {
    const nulls = COLUMN_TYPES.map(([column, type]) => `NULL::${type} AS ${column}`);
    parts.push(`SELECT ${nulls.join(', ')}, NULL::DATE AS date WHERE false`);
  }
  return `CREATE OR REPLACE VIEW ${name} AS ${parts.join(' UNION ALL ')}`;
}
