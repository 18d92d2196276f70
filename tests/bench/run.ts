import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { startSampler, cpuBetween, treePeakRssBytes } from './procfs.ts';
import { steadyState } from './rate.ts';
import type { RunContext, System } from './system.ts';
import { commitTimeline, contentsOf, countRows, insertedSoFar } from './table.ts';
import type { Contents } from './table.ts';

/** What one run of one system came to. CPU is of the steady state, per million rows of it. */
export interface RunResult {
  readonly system: string;
  readonly rowsPerSecond: number;
  /** From the start of the process to its last commit. */
  readonly wholeRowsPerSecond: number;
  readonly startToFirstCommitMs: number;
  readonly clientCpuPerMillion: number;
  readonly postgresCpuPerMillion: number;
  readonly brokerCpuPerMillion: number;
  /** Peak of resident memory over the whole run, in bytes; 0 where there is no client. */
  readonly clientPeakRss: number;
  readonly contents: Contents;
}

const POLL_MS = 500;

/** Runs a system once over the whole load, from nothing. Throws when it ends or stalls. */
export async function runOnce(
  system: System,
  base: Omit<RunContext, 'logFile' | 'runId'>,
  runId: string,
  stallMs: number,
): Promise<RunResult> {
  const slug = system.name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const context = { ...base, runId, logFile: join(base.workDir, `${slug}-${runId}.log`) };
  await system.prepare(context);
  const sql = await base.stack.connect();
  try {
    // Each run begins with clean buffers: none pays for the writes of the one before.
    await sql.query('CHECKPOINT');
    const insertedBefore = await insertedSoFar(sql, system.table);
    const startedMs = Date.now();
    const client = await system.start(context);
    const { pids } = base.stack;
    const sampler = startSampler({
      client: client.pid ?? -1,
      postgres: pids.postgres,
      broker: pids.broker,
    });
    let peakRss = 0;
    try {
      await Promise.race([
        untilAllIn(system, context, sql, insertedBefore, stallMs),
        client.ended.then(() => (client.pid === null ? undefined : new Promise(() => undefined))),
      ]);
      peakRss = client.pid === null ? 0 : treePeakRssBytes(client.pid);
    } finally {
      sampler.stop();
      await client.stop();
    }
    const steady = steadyState(await commitTimeline(sql, system.table));
    const perMillion = (tree: 'client' | 'postgres' | 'broker'): number =>
      (cpuBetween(sampler.samples, tree, steady.fromMs, steady.toMs) * 1e6) / steady.rows;
    return {
      system: system.name,
      rowsPerSecond: steady.rowsPerSecond,
      wholeRowsPerSecond: (base.load.actions * 1000) / (steady.lastCommitMs - startedMs),
      startToFirstCommitMs: steady.firstCommitMs - startedMs,
      clientCpuPerMillion: client.pid === null ? 0 : perMillion('client'),
      postgresCpuPerMillion: perMillion('postgres'),
      brokerCpuPerMillion: perMillion('broker'),
      clientPeakRss: peakRss,
      contents: await contentsOf(sql, system.table),
    };
  } finally {
    await sql.end();
  }
}

/** Polls cheaply until the table may be full, then counts. No poll tells a time. */
async function untilAllIn(
  system: System,
  { load }: RunContext,
  sql: Client,
  insertedBefore: number,
  stallMs: number,
): Promise<void> {
  let last = -1;
  let lastChange = performance.now();
  for (;;) {
    const inserted = (await insertedSoFar(sql, system.table)) - insertedBefore;
    if (inserted >= load.actions && (await countRows(sql, system.table)) >= load.actions) return;
    if (inserted !== last) {
      last = inserted;
      lastChange = performance.now();
    } else if (performance.now() - lastChange > stallMs) {
      const rows = await countRows(sql, system.table);
      throw new Error(
        `${system.name} brought nothing for ${String(stallMs / 1000)} s: ` +
          `${String(rows)} of ${String(load.actions)} rows are in`,
      );
    }
    await delay(POLL_MS);
  }
}
