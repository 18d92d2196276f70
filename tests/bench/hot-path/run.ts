import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { cpuBetween, peakRssBytes, startSampler, untilQuiet } from '../runner/sampler.ts';
import type { CpuSample, CpuTree } from '../runner/sampler.ts';
import { steadyState } from '../runner/rate.ts';
import type { SteadyState } from '../runner/rate.ts';
import type { RunContext, System } from './system.ts';
import { commitTimeline, contentsOf, countRows, insertedSoFar } from './table.ts';
import type { Contents } from './table.ts';

/** CPU seconds of a steady state, per million rows of it. */
export interface CpuPerMillion {
  readonly client: number;
  readonly postgres: number;
  readonly broker: number;
  /** Cores that neither of them used: what else ran on the machine and disturbed the run. */
  readonly otherCores: number;
}

/** What one run of one system came to. */
export interface RunResult {
  readonly system: string;
  readonly round: number;
  readonly rowsPerSecond: number;
  /** From the start of the process to its last commit. */
  readonly wholeRowsPerSecond: number;
  /** From the start of the process to the steady state: what is not counted as rate. */
  readonly warmUpMs: number;
  readonly cpu: CpuPerMillion;
  /** Peak of resident memory over the whole run, in bytes; 0 where there is no client. */
  readonly peakRss: number;
  readonly contents: Contents;
}

export function cpuOf(samples: readonly CpuSample[], steady: SteadyState): CpuPerMillion {
  const spent = (tree: CpuTree): number => cpuBetween(samples, tree, steady.fromMs, steady.toMs);
  const perMillion = (tree: CpuTree): number => (spent(tree) * 1e6) / steady.rows;
  const ours = spent('client') + spent('postgres') + spent('broker');
  return {
    client: perMillion('client'),
    postgres: perMillion('postgres'),
    broker: perMillion('broker'),
    otherCores: ((spent('machine') - ours) * 1000) / (steady.toMs - steady.fromMs),
  };
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
  const runId = `${String(round)}-${String(Date.now())}`;
  const context = { ...base, runId, logFile: join(base.workDir, `${slug}-${runId}.log`) };
  await system.prepare(context);
  const sql = await base.stack.connect();
  try {
    // Each run begins with clean buffers: none pays for the writes of the one before.
    await sql.query('CHECKPOINT');
    await untilQuiet(base.stack.pids);
    const insertedBefore = await insertedSoFar(sql, system.table);
    const startedMs = Date.now();
    const client = await system.start(context);
    const { pids } = base.stack;
    const sampler = startSampler({
      client: client.pid === null ? [] : [client.pid],
      postgres: pids.postgres,
      broker: pids.broker,
    });
    let peakRss = 0;
    try {
      await Promise.race([
        untilAllIn(system, context, sql, insertedBefore, stallMs),
        client.ended.then(() => (client.pid === null ? undefined : new Promise(() => undefined))),
      ]);
      peakRss = client.pid === null ? 0 : (peakRssBytes([client.pid])[0] ?? 0);
    } finally {
      sampler.stop();
      await client.stop();
    }
    const steady = steadyState(await commitTimeline(sql, system.table));
    return {
      system: system.name,
      round,
      rowsPerSecond: steady.rowsPerSecond,
      wholeRowsPerSecond: (base.load.actions * 1000) / (steady.lastCommitMs - startedMs),
      warmUpMs: steady.fromMs - startedMs,
      cpu: cpuOf(sampler.samples, steady),
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
        `${system.name} brought nothing for ${String(stallMs / 1000)} s: ` +
          `${String(rows)} of ${String(load.actions)} rows are in`,
      );
    }
  }
}
