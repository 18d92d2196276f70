import { execFileSync } from 'node:child_process';
import { readAllStats, treeOf } from '../../support/procfs.ts';

/** Keeps these processes and what they started, with all their threads, on one core. */
export function pin(core: string, pids: readonly number[]): void {
  for (const { pid } of treeOf(pids, readAllStats()))
    try {
      execFileSync('taskset', ['-a', '-c', '-p', core, String(pid)], { stdio: 'ignore' });
    } catch {
      // It has ended meanwhile.
    }
}
