import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openObjectStore } from '../../../connectors/object-store/object-store.ts';
import type { ObjectStore } from '../../../connectors/object-store/object-store.ts';
import { contentsOf } from '../peers/duckdb.ts';
import type { FileContents } from '../peers/duckdb.ts';
import { cpuBetween, peakRssBytes, startSampler } from '../runner/sampler.ts';
import type { CpuTree, Sampler } from '../runner/sampler.ts';
import type { BenchStack } from '../runner/stack.ts';
import type { StartedClient } from '../hot-path/system.ts';
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

/** CPU seconds per million rows, and what the rest of the machine did. */
export interface Costs {
  readonly client: number;
  readonly postgres: number;
  readonly broker: number;
  readonly store: number;
  readonly otherCores: number;
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

/** What a run took between two moments, by all who took part. */
export function costsOf(sampler: Sampler, fromMs: number, toMs: number, rows: number): Costs {
  const spent = (tree: CpuTree): number => cpuBetween(sampler.samples, tree, fromMs, toMs);
  const trees = ['client', 'postgres', 'broker', 'store'] as const;
  const [client = 0, postgres = 0, broker = 0, store = 0] = trees.map(
    (tree) => (spent(tree) * 1e6) / rows,
  );
  const ours = trees.reduce((sum, tree) => sum + spent(tree), 0);
  const otherCores = ((spent('machine') - ours) * 1000) / (toMs - fromMs);
  return { client, postgres, broker, store, otherCores };
}

const PEAK_EVERY_MS = 250;

/** Watches a client until `stop`: CPU of all, and the peak of its memory. */
export function watch(stack: BenchStack, client: StartedClient) {
  const pids = client.pid === null ? [] : [client.pid];
  const sampler = startSampler({ ...stack.pids, client: pids });
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, ...peakRssBytes(pids));
  }, PEAK_EVERY_MS);
  return {
    sampler,
    stop(): number {
      clearInterval(timer);
      sampler.stop();
      return Math.max(peak, ...peakRssBytes(pids));
    },
  };
}

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
