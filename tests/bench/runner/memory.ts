import { readdirSync, readFileSync } from 'node:fs';
import type { Progress } from '../../../cli/terminal/progress.ts';

const SAMPLE_INTERVAL_MS = 500;

/** What the processes of a program hold together, step by step. */
export interface Memory {
  /** Passes progress on, and learns from it which step is under way. */
  watch(progress: Progress): Progress;
  /** Peak in bytes of each step. */
  peaks(): Readonly<Record<string, number>>;
  stop(): void;
}

/**
 * Samples the PSS of every process whose command line holds `word`, and of its descendants: pages that
 * several share count once.
 */
export function startMemory(word: string): Memory {
  const found = new Map<string, number>();
  let step = 'start';
  const timer = setInterval(() => {
    const bytes = pssOf(word);
    found.set(step, Math.max(found.get(step) ?? 0, bytes));
  }, SAMPLE_INTERVAL_MS);
  return {
    watch: (progress) => ({
      ...progress,
      step(name) {
        step = name;
        return progress.step(name);
      },
    }),
    peaks: () => Object.fromEntries(found),
    stop: () => {
      clearInterval(timer);
    },
  };
}

function pssOf(word: string): number {
  const parents = new Map<number, number>();
  const roots = new Set<number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      const pid = Number(entry);
      parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
      if (readFileSync(`/proc/${entry}/cmdline`, 'latin1').includes(word)) roots.add(pid);
    } catch {
      // It ended meanwhile.
    }
  }
  roots.delete(process.pid);
  let sum = 0;
  for (const pid of parents.keys()) {
    let at: number | undefined = pid;
    while (at !== undefined && !roots.has(at)) at = parents.get(at);
    if (at !== undefined) sum += pssBytes(pid);
  }
  return sum;
}

function pssBytes(pid: number): number {
  try {
    const text = readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'latin1');
    return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
