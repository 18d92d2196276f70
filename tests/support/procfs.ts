import { readFileSync, readdirSync } from 'node:fs';

/** ProcessStat is a line of /proc/<pid>/stat (proc(5)), times in clock ticks. Linux. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** One letter; T is stopped by a signal. */
  readonly state: string;
  /** User and system time of its own. */
  readonly ownTicks: number;
  /** The same of children that ended and were waited for. */
  readonly endedTicks: number;
}

/** USER_HZ, which the kernel fixes at 100 for everything it shows in /proc. */
export const TICKS_PER_SECOND = 100;

/** Null when there is no such process any more. */
export function readStat(pid: number): ProcessStat | null {
  const stat = read(pid, 'stat');
  if (stat === null) return null;
  // The name, in brackets, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    parent: Number(fields[1]),
    state: fields[0] ?? '',
    ownTicks: Number(fields[11]) + Number(fields[12]),
    endedTicks: Number(fields[13]) + Number(fields[14]),
  };
}

export function readAllStats(): ReadonlyMap<number, ProcessStat> {
  const all = new Map<number, ProcessStat>();
  for (const entry of readdirSync('/proc')) {
    const first = entry.charCodeAt(0);
    if (first < 0x30 || first > 0x39) continue;
    // It may have ended while the folder was read.
    const stat = readStat(Number(entry));
    if (stat !== null) all.set(stat.pid, stat);
  }
  return all;
}

/** The processes that are one of `roots`, or descend from one. */
export function treeOf(
  roots: readonly number[],
  all: ReadonlyMap<number, ProcessStat>,
): ProcessStat[] {
  const inTree = (stat: ProcessStat): boolean => {
    for (let at: ProcessStat | undefined = stat; at !== undefined; at = all.get(at.parent)) {
      if (roots.includes(at.pid)) return true;
    }
    return false;
  };
  return [...all.values()].filter(inTree);
}

/** CPU seconds that a process itself has used so far. */
export function cpuSecondsOf(pid: number): number {
  return (readStat(pid)?.ownTicks ?? NaN) / TICKS_PER_SECOND;
}

/** The most memory in bytes that a process had resident (VmHWM); 0 when it is gone. */
export function peakResidentBytes(pid: number): number {
  return kilobytes(read(pid, 'status'), /^VmHWM:\s+(\d+) kB$/m);
}

/** The memory in bytes of a process with shared pages counted by their share (PSS); 0 when it is gone. */
export function proportionalBytes(pid: number): number {
  return kilobytes(read(pid, 'smaps_rollup'), /^Pss:\s+(\d+) kB$/m);
}

/** Its arguments as they are in memory; empty when it is gone. */
export function commandLine(pid: number): string {
  return read(pid, 'cmdline') ?? '';
}

function kilobytes(text: string | null, pattern: RegExp): number {
  return Number(pattern.exec(text ?? '')?.[1] ?? 0) * 1024;
}

function read(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return null;
  }
}
