import { readFileSync, readdirSync } from 'node:fs';

/** CPU of the process trees that take part in a run, in seconds since each tree began. */
export interface CpuSample {
  readonly atMs: number;
  readonly client: number;
  readonly postgres: number;
  readonly broker: number;
}

export interface CpuRoots {
  readonly client: number;
  readonly postgres: number;
  readonly broker: number;
}

export interface Sampler {
  readonly samples: readonly CpuSample[];
  stop(): void;
}

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly cpuTicks: number;
}

/** USER_HZ, which the kernel fixes at 100 for everything it shows in /proc. */
const TICKS_PER_SECOND = 100;
const SAMPLE_INTERVAL_MS = 200;

function readStat(pid: string): ProcessStat | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // utime, stime, and the same of the children that ended and were waited for (proc(5)).
    const cpuTicks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    return { pid: Number(pid), parent: Number(fields[1]), cpuTicks };
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

function treeOf(root: number, all: ReadonlyMap<number, ProcessStat>): ProcessStat[] {
  const inTree = (stat: ProcessStat): boolean => {
    for (let at: ProcessStat | undefined = stat; at !== undefined; at = all.get(at.parent)) {
      if (at.pid === root) return true;
    }
    return false;
  };
  return [...all.values()].filter(inTree);
}

function cpuSeconds(root: number, all: ReadonlyMap<number, ProcessStat>): number {
  return treeOf(root, all).reduce((sum, stat) => sum + stat.cpuTicks, 0) / TICKS_PER_SECOND;
}

/** CPU seconds of a process and all below it, ended children included. */
export function treeCpuSeconds(root: number): number {
  return cpuSeconds(root, readAll());
}

/** The peak of resident memory (VmHWM) in bytes, summed over a process and all below it. */
export function treePeakRssBytes(root: number): number {
  let bytes = 0;
  for (const { pid } of treeOf(root, readAll())) {
    try {
      const match = /^VmHWM:\s+(\d+) kB$/m.exec(
        readFileSync(`/proc/${String(pid)}/status`, 'utf8'),
      );
      bytes += Number(match?.[1] ?? 0) * 1024;
    } catch {
      // It ended meanwhile.
    }
  }
  return bytes;
}

/** Samples the trees five times a second until `stop`: some 3 ms of CPU a sample. */
export function startSampler(roots: CpuRoots): Sampler {
  const samples: CpuSample[] = [];
  const sample = (): void => {
    const all = readAll();
    samples.push({
      atMs: Date.now(),
      client: cpuSeconds(roots.client, all),
      postgres: cpuSeconds(roots.postgres, all),
      broker: cpuSeconds(roots.broker, all),
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

/** CPU seconds spent between two moments, linear between samples. */
export function cpuBetween(
  samples: readonly CpuSample[],
  tree: keyof CpuRoots,
  fromMs: number,
  toMs: number,
): number {
  return cpuAt(samples, tree, toMs) - cpuAt(samples, tree, fromMs);
}

function cpuAt(samples: readonly CpuSample[], tree: keyof CpuRoots, atMs: number): number {
  const after = samples.findIndex((sample) => sample.atMs >= atMs);
  const next = samples[after] ?? samples.at(-1);
  const previous = samples[after - 1] ?? samples[0];
  if (next === undefined || previous === undefined) return NaN;
  const width = next.atMs - previous.atMs;
  const share = width <= 0 ? 1 : Math.min(1, Math.max(0, (atMs - previous.atMs) / width));
  return previous[tree] + share * (next[tree] - previous[tree]);
}
