import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { costsBetween, untilQuiet } from '../runner/sampler.ts';
import type { Costs, CpuSample } from '../runner/sampler.ts';
import { steadyState, type CommitPoint } from '../runner/rate.ts';
import { watchClients } from '../runner/watch.ts';
import type { RunContext, System } from './system.ts';
import { commitTimeline, contentsOf, countRows, insertedSoFar } from './table.ts';
import type { Contents } from './table.ts';

/** How fast a run was, and what it cost, by its commits. */
export interface Pace {
  readonly rowsPerSecond: number;
  /** From the start of the process to its last commit. */
  readonly wholeRowsPerSecond: number;
  /** From the start of the process to the steady state: what is not counted as rate. */
  readonly warmUpMs: number;
  /** Of the steady state. */
  readonly cpu: Costs;
}

/** The commits are those of all rows of the load. */
export function paceOf(
  commits: readonly CommitPoint[],
  startedMs: number,
  samples: readonly CpuSample[],
): Pace {
  const steady = steadyState(commits);
  const rows = commits.reduce((sum, commit) => sum + commit.rows, 0);
  return {
    rowsPerSecond: steady.rowsPerSecond,
    wholeRowsPerSecond: (rows * 1000) / (steady.lastCommitMs - startedMs),
    warmUpMs: steady.fromMs - startedMs,
    cpu: costsBetween(samples, steady.fromMs, steady.toMs, steady.rows),
  };
}

/** What one run of one system came to. */
export interface RunResult extends Pace {
  readonly system: string;
  readonly round: number;
  /** Peak of resident memory over the whole run, in bytes; 0 where there is no client. */
  readonly peakRss: number;
  readonly contents: Contents;
}

const POLL_MS = 1_000;

/** Runs a system once over the whole load, from nothing. Throws when it ends or stalls. */
export async function runOnce(
  system: System,
  base: Omit<RunContext, 'logFile' | 'runId'>,
  round: number,
  stallMs: number,
): Promise<RunResult> {
  const slug = system.name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const runId = `${round}-${Date.now()}`;
  const context = { ...base, runId, logFile: join(base.workDir, `${slug}-${runId}.log`) };
  await system.reset(context);
  const sql = await base.stack.connect();
  try {
    // Each run begins with clean buffers: none pays for the writes of the one before.
    await sql.query('CHECKPOINT');
    await untilQuiet(base.stack.pids);
    const insertedBefore = await insertedSoFar(sql, system.table);
    const startedMs = Date.now();
    const client = await system.start(context);
    const {
      samples,
      peakRss: [peakRss = 0],
    } = await watchClients(base.stack, [client], () =>
      Promise.race([
        untilAllIn(system, context, sql, insertedBefore, stallMs),
        client.ended.then(() => (client.pid === null ? undefined : new Promise(() => undefined))),
      ]),
    );
    const commits = await commitTimeline(sql, system.table);
    return {
      system: system.name,
      round,
      ...paceOf(commits, startedMs, samples),
      peakRss,
      contents: await contentsOf(sql, system.table),
    };
  } finally {
    await sql.end();
  }
}

/**
 * Polls cheaply until the table may be full, then counts. No poll tells a time. An idle session of
 * Postgres keeps its statistics for 10 s, so a figure that stands still is counted after, too.
 */
async function untilAllIn(
  system: System,
  { load }: RunContext,
  sql: Client,
  insertedBefore: number,
  stallMs: number,
): Promise<void> {
  let last = 0;
  let counted = -1;
  let lastChange = performance.now();
  for (;;) {
    await delay(POLL_MS);
    const inserted = (await insertedSoFar(sql, system.table)) - insertedBefore;
    if (inserted < load.actions && inserted !== last) {
      last = inserted;
      lastChange = performance.now();
      continue;
    }
    if (inserted === 0 && performance.now() - lastChange < stallMs) continue;
    const rows = await countRows(sql, system.table);
    if (rows >= load.actions) return;
    if (rows !== counted) {
      counted = rows;
      lastChange = performance.now();
    } else if (performance.now() - lastChange >= stallMs) {
      throw new Error(
        `${system.name} brought nothing for ${stallMs / 1000} s: ` +
          `${rows} of ${load.actions} rows are in`,
      );
    }
  }
}
