import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { ACTIONS_TOPIC, SERVES_TOPIC } from '../load/topics.ts';
import { forgetEverything, startProcessors } from './marquee.ts';
import type { Processor } from './marquee.ts';
import { untilQuiet } from '../runner/sampler.ts';
import type { CommitPoint } from '../runner/rate.ts';
import { watchClients } from '../runner/watch.ts';
import type { RunContext } from './system.ts';
import { paceOf, type Pace } from './run.ts';
import { contentsOf, MARQUEE_TABLE } from './table.ts';
import type { Contents } from './table.ts';

/** Which processors share a process. */
export type Layout = readonly (readonly Processor[])[];

export const LAYOUTS: Readonly<Record<string, Layout>> = {
  'one process': [['interactions', 'profiles', 'feedback', 'serve-logs']],
  'two processes': [['interactions', 'feedback', 'serve-logs'], ['profiles']],
};

/** A row is a user action that is through every table. */
export interface FourResult extends Pace {
  readonly layout: string;
  readonly round: number;
  /** Peak of each process, in bytes. */
  readonly peakRss: readonly number[];
  readonly contents: Contents;
  /** What disagrees with what was sent; empty when all is well. */
  readonly disagreements: readonly string[];
}

const POLL_MS = 100;
const PROCESSORS: readonly Processor[] = ['interactions', 'profiles', 'feedback', 'serve-logs'];

/**
 * All four processors over the whole load. An action counts when the slowest of them has passed its
 * share of the topic: progress is the lowest of the four, read from stream_offsets.
 */
export async function runFour(
  layout: string,
  base: Omit<RunContext, 'logFile' | 'runId'>,
  round: number,
  stallMs: number,
): Promise<FourResult> {
  const groups = LAYOUTS[layout];
  if (groups === undefined) throw new Error(`No layout ${layout}`);
  await forgetEverything(base);
  const sql = await base.stack.connect();
  try {
    await sql.query('CHECKPOINT');
    await untilQuiet(base.stack.pids);
    const startedMs = Date.now();
    const clients = groups.map((processors, at) =>
      startProcessors(
        {
          stack: base.stack,
          settings: base.settings,
          logFile: join(base.workDir, `four-${round}-${Date.now()}-${at}.log`),
        },
        processors,
      ),
    );
    const {
      result: points,
      samples,
      peakRss,
    } = await watchClients(base.stack, clients, async () => {
      const progress = await Promise.race([
        followProgress(sql, base, stallMs),
        ...clients.map(({ ended }) => ended.then(() => new Promise<never>(() => undefined))),
      ]);
      await untilOutboxEmpty(sql);
      return progress;
    });
    return {
      layout,
      round,
      ...paceOf(points, startedMs, samples),
      peakRss,
      contents: await contentsOf(sql, MARQUEE_TABLE),
      disagreements: await disagreements(sql, base),
    };
  } finally {
    await sql.end();
  }
}

/** Returns the lowest progress over time as rows of user actions, once all four are through. */
async function followProgress(
  sql: Client,
  { load }: Pick<RunContext, 'load'>,
  stallMs: number,
): Promise<CommitPoint[]> {
  const points: CommitPoint[] = [];
  let done = 0;
  let lastChange = performance.now();
  while (done < load.actions) {
    const { rows } = await sql.query<{ processor: string; topic: string; n: string; at: string }>(
      `SELECT processor, topic, sum(next_offset) AS n,
              extract(epoch FROM clock_timestamp()) * 1000 AS at
         FROM stream_offsets GROUP BY processor, topic`,
    );
    const share = (processor: Processor): number => {
      const topic = processor === 'serve-logs' ? SERVES_TOPIC : ACTIONS_TOPIC;
      const total = processor === 'serve-logs' ? load.serves : load.actions;
      const row = rows.find((found) => found.processor === processor && found.topic === topic);
      return Number(row?.n ?? 0) / total;
    };
    const through = Math.round(Math.min(...PROCESSORS.map(share)) * load.actions);
    if (through > done) {
      points.push({ atMs: Number(rows[0]?.at), rows: through - done });
      done = through;
      lastChange = performance.now();
    } else if (performance.now() - lastChange > stallMs) {
      const shares = PROCESSORS.map((name) => `${name} ${(share(name) * 100).toFixed(1)} %`);
      throw new Error(`No progress for ${String(stallMs / 1000)} s: ${shares.join(', ')}`);
    }
    await delay(POLL_MS);
  }
  return points;
}

async function untilOutboxEmpty(sql: Client): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const { rows } = await sql.query<{ n: string }>('SELECT count(*) AS n FROM profile_outbox');
    if (Number(rows[0]?.n) === 0 || performance.now() > deadline) return;
    await delay(POLL_MS);
  }
}

/** Holds every table against what was sent. */
async function disagreements(sql: Client, { load }: Pick<RunContext, 'load'>): Promise<string[]> {
  const expected: readonly (readonly [string, string, number])[] = [
    ['interactions', 'SELECT count(*) AS n FROM rt_user_interactions', load.actions],
    ['profiles', 'SELECT sum(total_interactions) AS n FROM user_profiles', load.actions],
    ['profiles’ ids', 'SELECT count(DISTINCT event_id) AS n FROM profiles_event_ids', load.actions],
    ['feedback', 'SELECT count(DISTINCT event_id) AS n FROM recommendation_feedback', load.answers],
    ['serves', 'SELECT count(DISTINCT request_id) AS n FROM recommendation_logs', load.serves],
    ['dead letters', 'SELECT count(*) AS n FROM dead_letters', 0],
    ['profile outbox', 'SELECT count(*) AS n FROM profile_outbox', 0],
  ];
  const found: string[] = [];
  for (const [name, query, count] of expected) {
    const { rows } = await sql.query<{ n: string | null }>(query);
    const n = Number(rows[0]?.n ?? 0);
    if (n !== count) found.push(`${name}: ${String(n)}, sent ${String(count)}`);
  }
  return found;
}
