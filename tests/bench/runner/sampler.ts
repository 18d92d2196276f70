import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  peakResidentBytes,
  readAllStats,
  TICKS_PER_SECOND,
  treeOf,
  type ProcessStat,
} from '../../support/procfs.ts';

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
  /** Peak of resident memory so far, in bytes, of each client with its children. */
  peakRss(): readonly number[];
  stop(): void;
}

const SAMPLE_INTERVAL_MS = 200;

function cpuSeconds(roots: readonly number[], all: ReadonlyMap<number, ProcessStat>): number {
  const ticks = treeOf(roots, all).map(({ ownTicks, endedTicks }) => ownTicks + endedTicks);
  return ticks.reduce((sum, n) => sum + n, 0) / TICKS_PER_SECOND;
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

/**
 * Samples the trees five times a second until `stop`: some 3 ms of CPU a sample. Clients are children
 * of this process; no other child may end meanwhile.
 */
export function startSampler(roots: CpuRoots): Sampler {
  const samples: CpuSample[] = [];
  const peaks = roots.client.map(() => 0);
  const endedBefore = endedSeconds(readAllStats());
  const sample = (): void => {
    const all = readAllStats();
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
    for (const [at, root] of roots.client.entries()) {
      const tree = treeOf([root], all);
      const resident = tree.reduce((sum, { pid }) => sum + peakResidentBytes(pid), 0);
      peaks[at] = Math.max(peaks[at] ?? 0, resident);
    }
  };
  sample();
  const timer = setInterval(sample, SAMPLE_INTERVAL_MS);
  return {
    samples,
    peakRss: () => peaks,
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
    const { otherCores } = costsBetween(sampler.samples, first.atMs, last.atMs, 1);
    if (otherCores < busyMax) return;
  }
}

/** CPU seconds per million rows, and what the rest of the machine did. */
export interface Costs {
  readonly client: number;
  readonly postgres: number;
  readonly broker: number;
  readonly store: number;
  /** Cores that none of them used: what else ran on the machine and disturbed the run. */
  readonly otherCores: number;
}

/** What was spent between two moments in which `rows` came through, linear between samples. */
export function costsBetween(
  samples: readonly CpuSample[],
  fromMs: number,
  toMs: number,
  rows: number,
): Costs {
  const spent = (tree: CpuTree): number =>
    cpuAt(samples, tree, toMs) - cpuAt(samples, tree, fromMs);
  const perMillion = (tree: CpuTree): number => (spent(tree) * 1e6) / rows;
  const ours = spent('client') + spent('postgres') + spent('broker') + spent('store');
  return {
    client: perMillion('client'),
    postgres: perMillion('postgres'),
    broker: perMillion('broker'),
    store: perMillion('store'),
    otherCores: ((spent('machine') - ours) * 1000) / (toMs - fromMs),
  };
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
