import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readGroupMembers } from '../../../operations/consumer-groups.ts';
import { readLogBounds } from '../../../operations/log-bounds.ts';
import {
  applyReset,
  assertNobodyRuns,
  planReset,
  readPositionReports,
  readPositions,
} from '../../../operations/positions.ts';
import { withAdmin } from '../../../connectors/kafka/admin.ts';
import type { LogBounds } from '../../../connectors/kafka/port.ts';
import { applyTopics } from '../../../connectors/kafka/topics.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { replay } from '../../../streams/replay/replay.ts';
import { makeWave } from '../../support/streams/actions.ts';
import { quiet, startEnvironment, type Environment } from '../../support/streams/environment.ts';

const TOPIC = 'user-actions.v1';
const interactions = PROCESSORS['interactions'] as Processor;

let env: Environment;
beforeAll(async () => {
  env = await startEnvironment();
}, 180_000);
afterAll(() => env.close());

let seed = 0;
async function send(count: number): Promise<void> {
  const wave = await makeWave(env.codec, { seed: ++seed, count, nowMs: Date.now() });
  await env.send(TOPIC, wave.records);
}

const inspect = () => readPositionReports(env.db, env.config.kafka.brokers, interactions);
const verdicts = async () => [...new Set((await inspect()).map((r) => r.verdict))];
const breaks = () => env.admin.query('SELECT * FROM marquee.ledger_breaks');

async function until(what: string, look: () => boolean): Promise<void> {
  const end = Date.now() + 30_000;
  while (!look()) {
    if (Date.now() > end) throw new Error(`waited 30 s for ${what}`);
    await delay(50);
  }
}

it('says that all is well, and refuses to move without need', async () => {
  await send(400);
  const live = await env.run([interactions]);
  await env.caughtUp([interactions]);
  const group = 'marquee.interactions';
  const members = await readGroupMembers(env.config.kafka.brokers, [group]);
  const positions = await readPositions(env.db, interactions);
  expect(() => {
    assertNobodyRuns(interactions, members.get(group) ?? [], positions);
  }).toThrow(/interactions is running .*group member marquee-interactions/);
  await live.stop();
  const after = await readGroupMembers(env.config.kafka.brokers, [group]);
  assertNobodyRuns(interactions, after.get(group) ?? [], await readPositions(env.db, interactions));
  expect(await verdicts()).toEqual(['good']);
}, 60_000);

it('goes on behind records that were removed unread, and keeps account of the gap', async () => {
  await send(400);
  const ends =
    (await readLogBounds(env.config.kafka.brokers, [TOPIC])).get(TOPIC) ??
    new Map<number, LogBounds>();
  await withAdmin({ brokers: env.config.kafka.brokers }, async (admin) => {
    await admin.fetchTopicMetadata({ topics: [TOPIC] });
    await admin.deleteTopicRecords({
      topic: TOPIC,
      partitions: [{ partition: 2, offset: String(ends.get(2)?.end ?? 0) }],
    });
  });
  const halted = await env.run([interactions]);
  await until('the halt', () =>
    env.errors.some((e) => e.includes('outside') || e.includes('holds')),
  );
  await halted.stop();

  const report = (await inspect())[2];
  expect(report?.verdict).toMatch(/^\d+ RECORDS LOST/);
  if (report === undefined) return;
  const plan = planReset(report, { to: 'start', anotherLog: false });
  expect(plan.anotherLog).toBe(false);
  const stale = { ...plan, standsAt: plan.standsAt - 1 };
  await expect(applyReset(env.db, interactions, stale, 'test')).rejects.toThrow(/look again/);
  const id = await applyReset(env.db, interactions, plan, 'test: records expired');
  expect(await breaks()).toEqual([]);

  await send(200);
  const live = await env.run([interactions]);
  await env.caughtUp([interactions]);
  await live.stop();
  expect(await breaks()).toEqual([]);
  const rows = await env.db.query(
    'SELECT id, partition, from_offset, to_offset, another_log, note FROM offset_resets',
  );
  expect(rows).toEqual([
    {
      id,
      partition: 2,
      from_offset: plan.standsAt,
      to_offset: plan.goesOnAt,
      another_log: false,
      note: 'test: records expired',
    },
  ]);
  // A gap that nobody recorded is still a break.
  await env.admin.execute('DELETE FROM marquee.offset_resets');
  expect(await breaks()).toHaveLength(1);
  await env.admin.execute(
    `INSERT INTO marquee.offset_resets (processor, topic, partition, from_offset, to_offset,
       another_log, log_start, log_end, note) VALUES ('interactions', $1, 2, $2, $3, false, 0, 0, '')`,
    [TOPIC, plan.standsAt, plan.goesOnAt],
  );
  expect(await breaks()).toEqual([]);
}, 90_000);

it('begins anew on a topic that was made again, and sets the old accounts apart', async () => {
  const retiredRows = () =>
    env.db.query('SELECT DISTINCT partition FROM retired_ledger ORDER BY 1');
  const { brokers } = env.config.kafka;
  await withAdmin({ brokers }, async (admin) => {
    await admin.deleteTopics({ topics: [TOPIC] });
  });
  const end = Date.now() + 30_000;
  for (;;) {
    // The name is free again when the deletion is through.
    const steps = await applyTopics({ brokers, topics: [TOPICS[TOPIC]] }).catch(() => []);
    if (steps.some(({ action }) => action === 'create')) break;
    if (Date.now() > end) throw new Error('the topic was not deleted in 30 s');
    await delay(100);
  }
  await send(900);
  const dead = await env.db.query(
    `SELECT partition, kafka_offset FROM dead_letters WHERE processor = 'interactions'`,
  );
  const reports = await inspect();
  expect(reports.every((r) => /ANOTHER LOG|BEYOND THE END/.test(r.verdict))).toBe(true);
  for (const report of reports)
    await applyReset(
      env.db,
      interactions,
      planReset(report, { to: 'start', anotherLog: false }),
      'test: made again',
    );
  expect((await retiredRows()).length).toBe(8);
  expect(await env.db.query('SELECT FROM retired_dead_letters')).toHaveLength(dead.length);

  const live = await env.run([interactions]);
  await env.caughtUp([interactions]);
  await live.stop();
  expect(await breaks()).toEqual([]);
  expect(await verdicts()).toEqual(['good']);
  await expect(
    replay({
      processor: interactions,
      brokers,
      kafkaClient: 'kafkajs',
      registryUrl: env.config.registry.url,
      postgresUrl: env.config.postgres.writerUrl,
      settings: env.settings,
      log: quiet,
      from: { kind: 'earliest' },
      mode: 'compare',
    }),
  ).rejects.toMatchObject({
    code: 'MARQUEE_REPLAY_REFUSED',
    message: expect.stringContaining('was made again') as string,
  });
}, 90_000);
