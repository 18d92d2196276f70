import type { Progress } from '../../../cli/terminal/progress.ts';
import { commandLine, proportionalBytes, readAllStats, treeOf } from '../../support/procfs.ts';

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
  const all = readAllStats();
  const roots = [...all.keys()].filter(
    (pid) => pid !== process.pid && commandLine(pid).includes(word),
  );
  return treeOf(roots, all).reduce((sum, { pid }) => sum + proportionalBytes(pid), 0);
}
