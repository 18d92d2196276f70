import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyRetention } from '../../../operations/retention.ts';
import {
  countDeadLetters,
  listDeadLetters,
  placeOf,
  readDeadLetter,
} from '../../../operations/dead-letters.ts';
import { tailEvents } from '../../../operations/events.ts';
import { readLag, totalLag } from '../../../operations/lag.ts';
import { readGroupMembers } from '../../../operations/consumer-groups.ts';
import { readLogBounds } from '../../../operations/log-bounds.ts';
import { readProcessors } from '../../../operations/processors.ts';
import { planRedrive, redrive } from '../../../operations/redrive.ts';
import { describeDeadLetter } from '../../../cli/operations/show-record.ts';
import { repositoryRoot } from '../../../cli/config/config.ts';
import { createRawProducer } from '../../../connectors/kafka/raw-producer.ts';
import { newestSchema } from '../../../connectors/registry/codec.ts';
import { createRegistryClient } from '../../../connectors/registry/client.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';
import type { UserActionRecord } from '../../../schemas/generated/types.ts';
import { formatUuid, uuidv7 } from '../../../common/uuid.ts';
import { encodeWire } from '../../../schemas/wire.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { action as goodAction } from '../../support/records.ts';
import { startEnvironment, type Environment } from '../../support/streams/environment.ts';
import { HOUR_MS } from '../../../common/time.ts';

const TOPIC = 'user-actions.v1';
const readers = ['interactions', 'profiles', 'feedback'].map((n) => PROCESSORS[n] as Processor);

let env: Environment;
beforeAll(async () => {
  env = await startEnvironment();
}, 180_000);
afterAll(() => env.close());

function action(user: string, over: Partial<UserActionRecord> = {}): UserActionRecord {
  return goodAction({
    user_id: user,
    action: 'like',
    occurred_at: Date.now() - 1_000,
    app: 'operate-test',
    ...over,
  });
}

async function encoded(event: UserActionRecord) {
  const writer = await env.codec.writer(TOPIC);
  return { key: event.user_id, value: writer.encode(event) };
}

/** Runs the readers of user actions until they have read all that is there. */
async function process(): Promise<void> {
  const live = await env.run(readers);
  await env.caughtUp(readers);
  await live.stop();
}

const count = async (sql: string, ...values: unknown[]): Promise<number> => {
  const [row] = await env.db.query<{ n: number }>(`SELECT count(*) AS n FROM ${sql}`, values);
  return row?.n ?? -1;
};

const ledger = async (processor: string) => {
  const [row] = await env.db.query<Record<string, number>>(
    `SELECT sum(ok_count)::int AS ok, sum(skipped_count)::int AS skipped,
       sum(dead_count)::int AS dead FROM stream_ledger WHERE processor = $1`,
    [processor],
  );
  return row;
};

const redriven = async (filter: Parameters<typeof planRedrive>[1]) => {
  const producer = createRawProducer({ brokers: env.config.kafka.brokers, clientId: 'test' });
  try {
    return await redrive(env.db, producer, filter);
  } finally {
    await producer.close();
  }
};

describe('dead letters', () => {
  const event = action('ünknown');
  let firstReceivedAt = 0;

  it('are listed and shown with reason, place and bytes', async () => {
    const registry = createRegistryClient({ url: env.config.registry.url });
    // Ids count up, so the id that the schema will get is known before it is there.
    const last = await registry.register(
      'counter',
      '{"type":"record","name":"Counter","fields":[]}',
    );
    const value = encodeWire(last + 1, parseAvro(newestSchema(TOPIC)), event);
    await env.send(TOPIC, [{ key: event.user_id, value, headers: { trace: 'abc' } }]);
    await process();

    const lines = await listDeadLetters(env.db, { waiting: true, limit: 10 });
    expect(lines.map((l) => [l.processor, l.reason, l.schemaId]).sort()).toEqual([
      ['feedback', 'unknown_schema', last + 1],
      ['interactions', 'unknown_schema', last + 1],
      ['profiles', 'unknown_schema', last + 1],
    ]);
    firstReceivedAt = lines[0]?.firstReceivedAt ?? 0;
    const place = lines.map(placeOf).find((p) => p.startsWith('interactions/')) ?? '';
    const shown = await describeDeadLetter(env.codec, await readDeadLetter(env.db, place));
    expect(shown).toContain('unknown_schema: The registry does not know the schema id');
    expect(shown).toContain('header           trace: "abc"');
    expect(shown).toContain('key              "ünknown"');
    expect(shown).toMatch(/000000 {2}00 00 00/);
    await expect(readDeadLetter(env.db, 'interactions/x')).rejects.toMatchObject({
      code: 'MARQUEE_DEAD_LETTER_MISSING',
    });

    const extended = JSON.parse(newestSchema(TOPIC)) as { doc?: string };
    const id = await registry.register(`${TOPIC}-value`, JSON.stringify({ ...extended, doc: 'x' }));
    expect(id).toBe(last + 1);
  }, 60_000);

  it('are marked only when the brokers have them', async () => {
    const options = { reason: 'unknown_schema', force: false, again: false };
    const failing = {
      send: () => Promise.reject(new Error('no broker')),
      close: () => Promise.resolve(),
    };
    await expect(redrive(env.db, failing, options)).rejects.toThrow('no broker');
    expect(await planRedrive(env.db, { ...options, processor: 'profiles' })).toEqual([
      expect.objectContaining({ processor: 'profiles', due: 1, redriven: 0 }),
    ]);
  });

  it('are sent again to the processor that refused them, once, as first received', async () => {
    const options = { reason: 'unknown_schema', force: false, again: false };
    const late = { ...options, untilMs: firstReceivedAt };
    expect(await redriven({ ...late, processor: 'interactions' })).toBe(0);
    expect(await redriven({ ...options, processor: 'interactions' })).toBe(1);
    await process();
    const rows = await env.db.query(
      `SELECT event_id, (extract(epoch FROM received_at) * 1000)::bigint AS received
       FROM rt_user_interactions WHERE user_id = $1`,
      [event.user_id],
    );
    expect(rows).toEqual([{ event_id: formatUuid(event.event_id), received: firstReceivedAt }]);
    expect(await count('user_profiles WHERE user_id = $1', event.user_id)).toBe(0);
    expect(await ledger('profiles')).toEqual({ ok: 0, skipped: 1, dead: 1 });
    expect(await ledger('interactions')).toEqual({ ok: 1, skipped: 0, dead: 1 });

    expect(await redriven(options)).toBe(2);
    expect(await redriven(options)).toBe(0);
    await process();
    expect(await count('user_profiles WHERE user_id = $1 AND likes = 1', event.user_id)).toBe(1);
    expect(await count('rt_user_interactions WHERE user_id = $1', event.user_id)).toBe(1);
    expect(await countDeadLetters(env.db, { reason: 'unknown_schema' })).toEqual(
      ['feedback', 'interactions', 'profiles'].map((processor) => ({
        processor,
        reason: 'unknown_schema',
        count: 1,
        waiting: 0,
      })),
    );

    // Asked for again, it is a resend.
    expect(await redriven({ ...options, processor: 'interactions', again: true })).toBe(1);
    await process();
    expect(await count('rt_user_interactions WHERE user_id = $1', event.user_id)).toBe(1);
  }, 60_000);

  it('that come back three times stay', async () => {
    await env.send(TOPIC, [{ key: 'loop', value: Buffer.from('never avro') }]);
    await process();
    const options = { processor: 'profiles', reason: 'not_avro', force: false, again: false };
    for (let round = 1; round <= 3; round++) {
      expect(await redriven(options)).toBe(1);
      await process();
    }
    expect(await planRedrive(env.db, options)).toEqual([
      expect.objectContaining({ due: 0, loops: 1, redriven: 3 }),
    ]);
    expect(await redriven(options)).toBe(0);
    expect(await planRedrive(env.db, { ...options, force: true })).toEqual([
      expect.objectContaining({ due: 1, loops: 0 }),
    ]);
  }, 60_000);
});

describe('what became of events', () => {
  it('is told for a user, processor by processor', async () => {
    const kept = action('tail', { action: 'view', request_id: uuidv7(Date.now() - 5_000) });
    const late = action('tail', { action: 'click', occurred_at: Date.now() - 30 * HOUR_MS });
    await env.send(TOPIC, [
      await encoded(kept),
      await encoded(kept),
      await encoded(late),
      { key: 'tail', value: null },
    ]);
    await process();
    await env.send(TOPIC, [await encoded(action('tail', { action: 'share' }))]);
    const options = {
      brokers: env.config.kafka.brokers,
      registryUrl: env.config.registry.url,
      sinceMs: Date.now() - HOUR_MS,
      limit: 10,
      lateHorizonMs: env.settings.lateHorizonMs,
    };
    const tail = await tailEvents(env.db, { ...options, user: 'tail' });
    const told = tail.events.map(({ event: e, outcomes }) => [
      e.action?.action ?? null,
      ...outcomes.map(({ outcome }) => outcome),
    ]);
    expect(told).toEqual([
      ['view', 'applied', 'applied', 'applied'],
      ['view', 'duplicate', 'duplicate', 'duplicate'],
      ['click', 'too_late', 'too_late', 'too_late'],
      [null, 'dead_letter', 'dead_letter', 'dead_letter'],
      ['share', 'waiting', 'waiting', 'waiting'],
    ]);
    const byApp = await tailEvents(env.db, { ...options, app: 'operate-test', limit: 2 });
    expect(byApp.events.map(({ event: e }) => e.action?.action)).toEqual(['click', 'share']);
    expect(byApp.unreadable).toBeGreaterThan(0);
    expect((await tailEvents(env.db, { ...options, app: 'no-such-app' })).events).toEqual([]);
  }, 60_000);
});

describe('lag', () => {
  const lag = async () => {
    const bounds = await readLogBounds(env.config.kafka.brokers, [TOPIC]);
    return readLag(env.db, readers, bounds, Date.now());
  };

  it('is told with the processors stopped, and with them running', async () => {
    const before = await lag();
    expect(totalLag(before).map((t) => t.lagEvents)).toEqual([1, 1, 1]);
    expect(Math.max(...before.map((p) => p.lagSeconds ?? -1))).toBeGreaterThan(0);
    const groups = readers.map((p) => `marquee.${p.name}`);
    const members = () => readGroupMembers(env.config.kafka.brokers, groups);
    expect((await readProcessors(env.db, readers, await members())).map((s) => s.members)).toEqual([
      0, 0, 0,
    ]);

    const live = await env.run(readers);
    await env.caughtUp(readers);
    const statuses = await readProcessors(env.db, readers, await members());
    expect(totalLag(await lag()).map((t) => t.lagEvents)).toEqual([0, 0, 0]);
    for (const status of statuses) {
      expect(status.members).toBe(1);
      expect(status.owners.flatMap((o) => o.partitions)).toHaveLength(8);
      expect(status.owners.some((o) => o.connected)).toBe(true);
      expect(status.deadWaiting).toBeGreaterThan(0);
    }
    await live.stop();
  }, 60_000);

  it('is printed by the commands', async () => {
    const run = (...args: string[]) =>
      promisify(execFile)(globalThis.process.execPath, ['cli/main.ts', ...args], {
        cwd: repositoryRoot,
        env: { PATH: '/usr/bin', MARQUEE_HOME: env.config.home },
      });
    const { stdout: lagOut } = await run('lag', 'profiles', '--json');
    expect((JSON.parse(lagOut) as { totals: unknown[] }).totals).toEqual([
      { processor: 'profiles', lagEvents: 0, lagSeconds: 0 },
    ]);
    const { stdout: letters } = await run('dlq', 'ls', '--reason', 'null_value');
    expect(letters).toContain('null_value');
    expect(letters).toContain('of which 1 wait');
    await expect(run('dlq', 'ls', '--reason', 'bad_mood')).rejects.toMatchObject({
      stderr: expect.stringContaining('MARQUEE_UNKNOWN_REASON') as string,
    });
    const { stdout: dry } = await run('dlq', 'redrive', '--reason', 'null_value');
    expect(dry).toContain('nothing was sent; say --yes');
    const { stdout: retention } = await run('retention', '--dry-run');
    expect(retention).toContain('recommendation_feedback: would drop nothing');
  }, 60_000);
});

describe('retention', () => {
  const settings = {
    recommendationLogsDays: 90,
    recommendationFeedbackDays: 2,
    profileEventIdsHours: 48,
  };

  it('drops what is older than configured, and nothing else', async () => {
    const nowMs = Date.now();
    const make = (table: string, width: string, hoursAgo: readonly number[]) =>
      env.db.execute(
        `SELECT ensure_partitions($1::regclass, array(SELECT to_timestamp(t / 1000.0)
           FROM unnest($2::bigint[]) AS t), $3::interval)`,
        [table, hoursAgo.map((hours) => nowMs - hours * HOUR_MS), width],
      );
    await make('profiles_event_ids', '1 hour', [200, 60, 3]);
    await make('recommendation_feedback', '1 day', [200, 3]);
    const dropped = async (dryRun: boolean) => {
      const steps = await applyRetention(env.db, settings, { nowMs, dryRun });
      return Object.fromEntries(steps.map((s) => [s.table, s.dropped.length]));
    };
    const [logs, feedback, ids] = [
      'recommendation_logs',
      'recommendation_feedback',
      'profiles_event_ids',
    ] as const;
    expect(await dropped(true)).toEqual({ [logs]: 0, [feedback]: 1, [ids]: 2 });
    expect(await dropped(false)).toEqual({ [logs]: 0, [feedback]: 1, [ids]: 2 });
    expect(await dropped(false)).toEqual({ [logs]: 0, [feedback]: 0, [ids]: 0 });
    const steps = await applyRetention(env.db, settings, { nowMs, dryRun: true });
    const step = steps.find(({ table }) => table === logs);
    expect(step?.held).toBe('serve-logs has not read all partitions yet');
  }, 60_000);

  it('lets an event of a dropped hour be dead-lettered alone', async () => {
    const occurredAt = Date.now() - 60 * HOUR_MS;
    const old = action('old', { occurred_at: occurredAt });
    const fresh = action('old');
    await env.send(TOPIC, [
      {
        ...(await encoded(old)),
        headers: {
          'marquee-redrive-processor': 'profiles',
          'marquee-first-received-at': String(occurredAt + 1_000),
          'marquee-replay-count': '1',
        },
      },
      await encoded(fresh),
    ]);
    await process();
    const letters = await listDeadLetters(env.db, { reason: 'rejected_by_database', limit: 5 });
    expect(letters).toEqual([
      expect.objectContaining({
        processor: 'profiles',
        replayCount: 1,
        detail: expect.stringContaining('profiles_event_ids was dropped up to') as string,
      }),
    ]);
    expect(await count('user_profiles WHERE user_id = $1 AND likes = 1', 'old')).toBe(1);
  }, 60_000);
});
