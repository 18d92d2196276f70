import { readFileSync } from 'node:fs';
import type { RunningProcess } from './processes.ts';

const TICKS_PER_SECOND = 100;

/** Seconds of CPU that a process has used so far (user and system). Linux. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Tries again that a process has counted so far, by error code. */
export async function retriesOf(process: RunningProcess): Promise<ReadonlyMap<string, number>> {
  const { text } = await process.http('/metrics');
  const found = new Map<string, number>();
  for (const [, code = '', count] of text.matchAll(
    /^marquee_retries_total\{.*code="([^"]+)".*\} (\d+)$/gm,
  ))
    found.set(code, (found.get(code) ?? 0) + Number(count));
  return found;
}

export async function retriesIn(process: RunningProcess): Promise<number> {
  let sum = 0;
  for (const count of (await retriesOf(process)).values()) sum += count;
  return sum;
}
