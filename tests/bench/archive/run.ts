import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import { contentsOf } from '../peers/duckdb.ts';
import type { FileContents } from '../peers/duckdb.ts';
import type { Costs } from '../runner/sampler.ts';
import type { BenchStack } from '../runner/stack.ts';
import type { ArchiveLoad } from './load.ts';

/** What every system of a run is given. */
export interface ArchiveContext {
  readonly stack: BenchStack;
  readonly load: ArchiveLoad;
  readonly workDir: string;
  /** MARQUEE_* settings of the archive that differ from the defaults. */
  readonly settings: Readonly<Record<string, string>>;
  /** Interpreter with DuckDB, which checks what was written. */
  readonly python: string;
  readonly stallMs: number;
}

/** What one run of one system came to. */
export interface ArchiveResult {
  readonly system: string;
  /** 0 is the warm-up. */
  readonly round: number;
  readonly rows: number;
  /** From the first fetch to the moment when all rows are recorded. */
  readonly workMs: number;
  /** Process start to first fetch: apart from the rate. */
  readonly warmUpMs: number;
  readonly files: number;
  readonly fileBytes: number;
  readonly cpu: Costs;
  /** Peak of resident memory, in bytes. */
  readonly peakRss: number;
  readonly contents: FileContents;
}

export const perSecond = ({ rows, workMs }: ArchiveResult): number => (rows * 1000) / workMs;

export function storeOf({ config }: BenchStack): ObjectStore {
  return openObjectStore(config.objectStore);
}

/** Copies objects into a local folder, which is emptied before; returns the files' paths. */
export async function fetchObjects(
  stack: BenchStack,
  folder: string,
  names: readonly string[],
): Promise<string[]> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const store = storeOf(stack);
  const files: string[] = [];
  try {
    for (const [at, name] of names.entries()) {
      const file = join(folder, `${String(at)}.parquet`);
      writeFileSync(file, await store.get(name));
      files.push(file);
    }
    return files;
  } finally {
    store.close();
  }
}

/** What these objects hold, read by DuckDB. */
export async function readBack(
  { stack, workDir, python }: ArchiveContext,
  names: readonly string[],
): Promise<FileContents> {
  const folder = join(workDir, 'read-back');
  const files = await fetchObjects(stack, folder, names);
  const contents = await contentsOf(python, workDir, files);
  rmSync(folder, { recursive: true, force: true });
  return contents;
}

export async function listObjects(
  stack: BenchStack,
  prefix: string,
): Promise<{ name: string; bytes: number }[]> {
  const store = storeOf(stack);
  const found: { name: string; bytes: number }[] = [];
  try {
    for await (const { name, bytes } of store.list(prefix)) found.push({ name, bytes });
    return found;
  } finally {
    store.close();
  }
}

export async function removeObjects(stack: BenchStack, prefix: string): Promise<void> {
  const names = (await listObjects(stack, prefix)).map(({ name }) => name);
  const store = storeOf(stack);
  try {
    await store.remove(names);
  } finally {
    store.close();
  }
}
