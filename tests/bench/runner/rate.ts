/** CommitPoint says how many rows became visible at a moment. */
export interface CommitPoint {
  readonly atMs: number;
  readonly rows: number;
}

/**
 * The steady state of a run: from the moment 20 % of the rows were committed (what came before is
 * warm-up: joining, first fetches, compiling) to the moment 95 % were (what comes after is the
 * drain, when partitions run dry one after the other).
 */
export const STEADY_FROM = 0.2;
export const STEADY_TO = 0.95;

export interface SteadyState {
  readonly fromMs: number;
  readonly toMs: number;
  readonly rows: number;
  readonly rowsPerSecond: number;
  readonly firstCommitMs: number;
  readonly lastCommitMs: number;
}

/** The commits must be in order of time. Throws RangeError for fewer than three moments. */
export function steadyState(commits: readonly CommitPoint[]): SteadyState {
  const total = commits.reduce((sum, commit) => sum + commit.rows, 0);
  const first = commits[0];
  const last = commits.at(-1);
  let seen = 0;
  let from: { atMs: number; seen: number } | null = null;
  let to: { atMs: number; seen: number } | null = null;
  for (const { atMs, rows } of commits) {
    seen += rows;
    if (from === null && seen >= total * STEADY_FROM) from = { atMs, seen };
    if (to === null && seen >= total * STEADY_TO) to = { atMs, seen };
  }
  if (!first || !last || from === null || to === null || to.atMs <= from.atMs) {
    throw new RangeError(`${String(commits.length)} commits are too few to tell a rate from`);
  }
  const rows = to.seen - from.seen;
  return {
    fromMs: from.atMs,
    toMs: to.atMs,
    rows,
    rowsPerSecond: (rows * 1000) / (to.atMs - from.atMs),
    firstCommitMs: first.atMs,
    lastCommitMs: last.atMs,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return sorted.length === 0
    ? NaN
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Nearest rank; `share` in (0, 1]. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
