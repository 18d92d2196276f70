import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { createProducer } from '../../../sdk/src/index.ts';
import { ACTIONS_TOPIC, messagesIn } from '../load/topics.ts';
import { startProcessors } from './marquee.ts';
import type { Processor } from './marquee.ts';
import { percentile } from '../runner/rate.ts';
import type { RunContext } from './system.ts';

export interface LatencyResult {
  readonly processors: string;
  readonly events: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Acknowledged events that no query saw within the patience. */
  readonly missing: number;
}

const PER_SECOND = 1_000;
const WARM_UP_MS = 5_000;
const PATIENCE_MS = 15_000;
/** Between two looks: part of what is measured, and small beside it. */
const LOOK_EVERY_MS = 2;
const SEND_EVERY_MS = 2;

/**
 * From the call of the SDK to the moment that another session's query shows the row, at 1,000 calls
 * a second, evenly spread. The processors begin at the end of the topics, with nothing to catch up.
 */
export async function measureLatency(
  base: Omit<RunContext, 'logFile' | 'runId'>,
  processors: readonly Processor[],
  durationMs: number,
): Promise<LatencyResult> {
  const logFile = join(
    base.workDir,
    `latency-${String(processors.length)}-${String(Date.now())}.log`,
  );
  const sql = await base.stack.connect();
  await untilSettled(sql);
  const client = startProcessors({ ...base, logFile }, processors);
  try {
    await Promise.race([
      untilCaughtUp(sql, await messagesIn(base.stack, ACTIONS_TOPIC), processors),
      client.ended.then(() => new Promise<never>(() => undefined)),
    ]);
    const waiting = new Map<string, number>();
    const seen: number[] = [];
    const sending = send(base, waiting, WARM_UP_MS + durationMs);
    const progress = { sent: false };
    const settled = (): void => {
      progress.sent = true;
    };
    sending.then(settled, settled);
    const warmUpEnds = performance.now() + WARM_UP_MS;
    let giveUpAt = Infinity;
    while (performance.now() < giveUpAt) {
      await look(sql, waiting, (calledAt, latencyMs) => {
        if (calledAt >= warmUpEnds) seen.push(latencyMs);
      });
      if (progress.sent) {
        if (waiting.size === 0) break;
        giveUpAt = Math.min(giveUpAt, performance.now() + PATIENCE_MS);
      }
      await delay(LOOK_EVERY_MS);
    }
    const { events, tookMs } = await sending;
    return {
      processors: processors.join(', '),
      events: seen.length,
      perSecond: (events * 1000) / tookMs,
      p50Ms: percentile(seen, 0.5),
      p99Ms: percentile(seen, 0.99),
      maxMs: percentile(seen, 1),
      missing: waiting.size,
    };
  } finally {
    await client.stop();
    await sql.end();
  }
}

interface Sent {
  readonly events: number;
  readonly tookMs: number;
}

/** Calls the SDK on schedule; a late timer sends what is due, so the rate holds. */
async function send(
  { stack }: Pick<RunContext, 'stack'>,
  waiting: Map<string, number>,
  durationMs: number,
): Promise<Sent> {
  const { brokers, registryUrl } = stack;
  const producer = createProducer({ app: 'bench', brokers, registryUrl });
  await producer.ready;
  const startedAt = performance.now();
  let events = 0;
  for (;;) {
    const elapsed = performance.now() - startedAt;
    const due = Math.floor((Math.min(elapsed, durationMs) * PER_SECOND) / 1000);
    for (; events < due; events++) {
      const calledAt = performance.now();
      const { eventId } = producer.impression({
        userId: `latency-${String(events % 1000)}`,
        movieId: (events % 20_000) + 1,
      });
      waiting.set(eventId, calledAt);
    }
    if (elapsed >= durationMs) break;
    await delay(SEND_EVERY_MS);
  }
  const tookMs = performance.now() - startedAt;
  await producer.close();
  return { events, tookMs };
}

/** Asks for what is at or after the oldest id still waited for: a short range of the key. */
async function look(
  sql: Client,
  waiting: Map<string, number>,
  onSeen: (calledAt: number, latencyMs: number) => void,
): Promise<void> {
  const oldest = waiting.keys().next().value;
  if (oldest === undefined) return;
  const { rows } = await sql.query<{ event_id: string }>({
    name: 'look',
    text: 'SELECT event_id FROM rt_user_interactions WHERE event_id >= $1',
    values: [lowestOfItsTime(oldest)],
  });
  const now = performance.now();
  for (const { event_id: id } of rows) {
    const calledAt = waiting.get(id);
    if (calledAt === undefined) continue;
    waiting.delete(id);
    onSeen(calledAt, now - calledAt);
  }
}

/** Ids of one millisecond need not be in the order of the calls: take the lowest of its time. */
function lowestOfItsTime(id: string): string {
  return `${id.slice(0, 13)}-7000-8000-000000000000`;
}

/** What earlier runs left Postgres to write and to vacuum is none of this one's. */
async function untilSettled(sql: Client): Promise<void> {
  await sql.query('CHECKPOINT');
  for (let looks = 0; looks < 300; looks++) {
    const { rows } = await sql.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'`,
    );
    if (rows[0]?.n === 0) return;
    await delay(200);
  }
}

async function untilCaughtUp(
  sql: Client,
  actions: number,
  processors: readonly Processor[],
): Promise<void> {
  const onActions = processors.filter((name) => name !== 'serve-logs').length;
  for (;;) {
    const { rows } = await sql.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM (
         SELECT FROM stream_offsets WHERE topic = $1
          GROUP BY processor HAVING sum(next_offset) >= $2) done`,
      [ACTIONS_TOPIC, actions],
    );
    if ((rows[0]?.n ?? 0) >= onActions) return;
    await delay(200);
  }
}
