import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** CPU seconds of the process trees that take part in a run, and of the whole machine. */
export interface CpuSample {
  readonly atMs: number;
  readonly client: number;
  readonly postgres: number;
  readonly broker: number;
  /** The object store; 0 where none runs. */
  readonly store: number;
  /** All that the machine did, whoever asked for it. */
  readonly machine: number;
}

export type CpuTree = 'client' | 'postgres' | 'broker' | 'store' | 'machine';

export interface CpuRoots {
  readonly client: readonly number[];
  readonly postgres: number;
  readonly broker: number;
  readonly store?: number;
}

export interface Sampler {
  readonly samples: readonly CpuSample[];
  stop(): void;
}

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly cpuTicks: number;
  /** Of children that ended and were waited for; within cpuTicks. */
  readonly endedTicks: number;
}

/** USER_HZ, which the kernel fixes at 100 for everything it shows in /proc. */
const TICKS_PER_SECOND = 100;
const SAMPLE_INTERVAL_MS = 200;

function readStat(pid: string): ProcessStat | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // utime, stime, and the same of the children that ended and were waited for (proc(5)).
    const endedTicks = Number(fields[13]) + Number(fields[14]);
    const cpuTicks = Number(fields[11]) + Number(fields[12]) + endedTicks;
    return { pid: Number(pid), parent: Number(fields[1]), cpuTicks, endedTicks };
  } catch {
    // It ended while the folder was read; its parent has its time now.
    return null;
  }
}

function readAll(): Map<number, ProcessStat> {
  const all = new Map<number, ProcessStat>();
  for (const entry of readdirSync('/proc')) {
    const first = entry.charCodeAt(0);
    if (first < 0x30 || first > 0x39) continue;
    const stat = readStat(entry);
    if (stat !== null) all.set(stat.pid, stat);
  }
  return all;
}

function treeOf(roots: readonly number[], all: ReadonlyMap<number, ProcessStat>): ProcessStat[] {
  const inTree = (stat: ProcessStat): boolean => {
    for (let at: ProcessStat | undefined = stat; at !== undefined; at = all.get(at.parent)) {
      if (roots.includes(at.pid)) return true;
    }
    return false;
  };
  return [...all.values()].filter(inTree);
}

function cpuSeconds(roots: readonly number[], all: ReadonlyMap<number, ProcessStat>): number {
  return treeOf(roots, all).reduce((sum, stat) => sum + stat.cpuTicks, 0) / TICKS_PER_SECOND;
}

/**
 * Of this process's children that ended. A client that ends takes its tree away between two samples;
 * its time is here from then on.
 */
function endedSeconds(all: ReadonlyMap<number, ProcessStat>): number {
  return (all.get(process.pid)?.endedTicks ?? 0) / TICKS_PER_SECOND;
}

/** Busy time of all cores since the machine started: user, nice, system, irq, softirq, steal. */
function machineSeconds(): number {
  const fields = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]?.split(/\s+/) ?? [];
  const busy = [1, 2, 3, 6, 7, 8].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0);
  return busy / TICKS_PER_SECOND;
}

/** The peak of resident memory (VmHWM) in bytes of each of the trees, children included. */
export function peakRssBytes(roots: readonly number[]): number[] {
  const all = readAll();
  return roots.map((root) => treeOf([root], all).reduce((sum, { pid }) => sum + highWater(pid), 0));
}

function highWater(pid: number): number {
  try {
    const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    // It ended meanwhile.
    return 0;
  }
}

/**
 * Samples the trees five times a second until `stop`: some 3 ms of CPU a sample. Clients are children
 * of this process; no other child may end meanwhile.
 */
export function startSampler(roots: CpuRoots): Sampler {
  const samples: CpuSample[] = [];
  const endedBefore = endedSeconds(readAll());
  const sample = (): void => {
    const all = readAll();
    // This process's own tree holds what its children took already.
    const ended = roots.client.includes(process.pid) ? 0 : endedSeconds(all) - endedBefore;
    samples.push({
      atMs: Date.now(),
      client: cpuSeconds(roots.client, all) + ended,
      postgres: cpuSeconds([roots.postgres], all),
      broker: cpuSeconds([roots.broker], all),
      store: roots.store === undefined ? 0 : cpuSeconds([roots.store], all),
      machine: machineSeconds(),
    });
  };
  sample();
  const timer = setInterval(sample, SAMPLE_INTERVAL_MS);
  return {
    samples,
    stop() {
      clearInterval(timer);
      sample();
    },
  };
}

/**
 * Waits until others leave the machine alone: less than a sixth of a core for two seconds. Gives up
 * after half a minute, since a run on a busy machine is better than none; it is shown in its row.
 */
export async function untilQuiet(servers: Omit<CpuRoots, 'client'>): Promise<void> {
  const windowMs = 2_000;
  const busyMax = 0.17;
  for (let windows = 0; windows < 15; windows++) {
    const sampler = startSampler({ client: [process.pid], ...servers });
    await delay(windowMs);
    sampler.stop();
    const [first, last] = [sampler.samples[0], sampler.samples.at(-1)];
    if (first === undefined || last === undefined) return;
    const grown = (tree: CpuTree): number => last[tree] - first[tree];
    const ours = grown('client') + grown('postgres') + grown('broker') + grown('store');
    const others = grown('machine') - ours;
    if ((others * 1000) / (last.atMs - first.atMs) < busyMax) return;
  }
}

/** CPU seconds spent between two moments, linear between samples. */
export function cpuBetween(
  samples: readonly CpuSample[],
  tree: CpuTree,
  fromMs: number,
  toMs: number,
): number {
  return cpuAt(samples, tree, toMs) - cpuAt(samples, tree, fromMs);
}

function cpuAt(samples: readonly CpuSample[], tree: CpuTree, atMs: number): number {
  const after = samples.findIndex((sample) => sample.atMs >= atMs);
  const next = samples[after] ?? samples.at(-1);
  const previous = samples[after - 1] ?? samples[0];
  if (next === undefined || previous === undefined) return NaN;
  const width = next.atMs - previous.atMs;
  const share = width <= 0 ? 1 : Math.min(1, Math.max(0, (atMs - previous.atMs) / width));
  return previous[tree] + share * (next[tree] - previous[tree]);
}
