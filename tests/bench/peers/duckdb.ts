import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What files hold, in figures that any difference in any compared column changes. */
export interface FileContents {
  readonly rows: number;
  readonly ids: number;
  readonly sum: string;
}

export interface DuckdbCopy extends FileContents {
  /** The warm-up, then the run that counts. */
  readonly runs: readonly { readonly seconds: number; readonly cpu: number }[];
  readonly bytes: number;
  /** Peak of resident memory, the table in memory included. */
  readonly peak: number;
}

const JOB = join(import.meta.dirname, 'duckdb_job.py');

/** Reads local Parquet files with an implementation that is not ours. */
export function contentsOf(
  python: string,
  folder: string,
  files: readonly string[],
): Promise<FileContents> {
  return job<FileContents>(python, folder, { files, threads: 2 });
}

/** The rows of these files, sorted, by `COPY ... TO` into one local file. */
export function copyTo(
  python: string,
  folder: string,
  files: readonly string[],
  threads: number,
): Promise<DuckdbCopy> {
  const out = join(folder, 'duckdb.parquet');
  return job<DuckdbCopy>(python, folder, { files, threads, out });
}

async function job<T>(python: string, folder: string, config: object): Promise<T> {
  const file = join(folder, 'duckdb.json');
  writeFileSync(file, JSON.stringify(config));
  const { stdout } = await promisify(execFile)(python, [JOB, file], {
    maxBuffer: 1 << 20,
    env: { PYTHONDONTWRITEBYTECODE: '1' },
  });
  return JSON.parse(stdout) as T;
}
