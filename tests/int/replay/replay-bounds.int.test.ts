import { afterAll, beforeAll, expect, it } from 'vitest';
import { withAdmin } from '../../../connectors/kafka/admin.ts';
import { openSession } from '../../../connectors/postgres/session.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import { isEqual } from '../../../streams/replay/compare-tables.ts';
import type { Processor } from '../../../streams/runtime/processor.ts';
import { lockReplays } from '../../../streams/replay/shadow-tables.ts';
import type { ReplayReport } from '../../../streams/replay/replay.ts';
import type { ReplayOptions } from '../../../streams/replay/replay-options.ts';
import { makeWave, type Wave } from '../../support/streams/actions.ts';
import { startEnvironment, type Environment } from '../../support/streams/environment.ts';
import { replayIn } from './replayed.ts';
import { HOUR_MS, MINUTE_MS } from '../../../common/time.ts';

// The topic takes the producer's times here, so that records may have been received days ago. The
// tests build on each other: what is lost from the log stays lost.
const TOPIC = 'user-actions.v1';
const thisHour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const hoursAgo = (hours: number) => thisHour - hours * HOUR_MS;

const named = (name: string) => PROCESSORS[name] as Processor;
const interactions = named('interactions');
const profiles = named('profiles');
const feedback = named('feedback');
const all = [interactions, profiles, feedback];

let env: Environment;
const waves: Wave[] = [];
/** End of each partition's log after the waves. */
const ends: Map<number, number>[] = [];

beforeAll(async () => {
  env = await startEnvironment({ times: 'CreateTime' });
}, 180_000);
afterAll(() => env.close());

async function sendWave(count: number, hours: number): Promise<void> {
  const nowMs = hoursAgo(hours) + MINUTE_MS;
  const wave = await makeWave(env.codec, {
    seed: 100 + waves.length,
    count,
    nowMs,
    stamped: true,
  });
  waves.push(wave);
  await env.send(TOPIC, wave.records);
  ends.push(await logEnds());
}

async function logEnds(): Promise<Map<number, number>> {
  const offsets = await withAdmin({ brokers: env.config.kafka.brokers }, (admin) =>
    admin.fetchTopicOffsets(TOPIC),
  );
  const sorted = offsets.toSorted((a, b) => a.partition - b.partition);
  return new Map(sorted.map(({ partition, high }) => [partition, Number(high)]));
}

async function removeRecordsBefore(offsets: ReadonlyMap<number, number>): Promise<void> {
  await withAdmin({ brokers: env.config.kafka.brokers }, async (admin) => {
    await admin.fetchTopicMetadata({ topics: [TOPIC] });
    await admin.deleteTopicRecords({
      topic: TOPIC,
      partitions: [...offsets].map(([partition, at]) => ({ partition, offset: String(at) })),
    });
  });
}

const replayed = (processor: Processor, over: Partial<ReplayOptions> = {}) =>
  replayIn(env, processor, over);

const differing = (report: ReplayReport) => report.comparisons.filter((c) => !isEqual(c));
const breaks = () => env.admin.query('SELECT * FROM marquee.ledger_breaks');
const total = (field: 'distinct' | 'resent' | 'tooLate' | 'bad') =>
  waves.reduce((sum, wave) => sum + wave[field], 0);

it('gives the same tables when the processor was 50 hours behind', async () => {
  await sendWave(1_200, 50);
  await sendWave(600, 49);
  await sendWave(600, 20);
  const live = await env.run(all);
  await env.caughtUp(all);
  await live.stop();

  const [row] = await env.db.query(
    `SELECT sum(ok_count)::int AS ok, sum(duplicate_count)::int AS duplicate,
       sum(too_late_count)::int AS too_late, sum(dead_count)::int AS dead
     FROM stream_ledger WHERE processor = 'profiles'`,
  );
  expect(row).toEqual({
    ok: total('distinct'),
    duplicate: total('resent'),
    too_late: total('tooLate'),
    dead: total('bad'),
  });
  const counted = await env.db.query<{ user_id: string; total_interactions: number }>(
    'SELECT user_id, total_interactions FROM user_profiles',
  );
  const expected = new Map<string, number>();
  for (const { byUser } of waves)
    for (const [user, count] of byUser) expected.set(user, (expected.get(user) ?? 0) + count);
  expect(new Map(counted.map((r) => [r.user_id, r.total_interactions]))).toEqual(expected);
  for (const processor of all)
    expect(differing(await replayed({ ...processor, batchRowsMax: 101 }))).toEqual([]);
}, 120_000);

it('starts in the middle by copying the rows before', async () => {
  const byTime = await replayed(interactions, { from: { kind: 'time', ms: hoursAgo(49) } });
  expect(byTime.starts.map(({ partition, from }) => [partition, from])).toEqual([
    ...(ends[0] ?? []),
  ]);
  expect(byTime.copiedRows).toBe(waves[0]?.distinct);
  expect(differing(byTime)).toEqual([]);

  const byOffset = await replayed(feedback, {
    from: { kind: 'offset', offset: (ends[0]?.get(3) ?? 0) + 1 },
    mode: 'swap',
  });
  expect(byOffset.starts[3]?.from).toBe(ends[0]?.get(3));
  expect(byOffset.swapped).toBe(true);
  expect(await breaks()).toEqual([]);
  expect(differing(await replayed(feedback))).toEqual([]);
}, 60_000);

it('leaves out the hours that the live table has dropped', async () => {
  const [oldest] = await env.db.query<{ name: string; floor: string }>(
    `SELECT partition::text AS name, ends_at::text AS floor
     FROM partitions_of('rt_user_interactions') LIMIT 1`,
  );
  await env.admin.execute(`DROP TABLE marquee.${oldest?.name ?? ''}`);
  await env.admin.execute(
    `INSERT INTO marquee.partition_floors VALUES ('rt_user_interactions', $1)`,
    [oldest?.floor],
  );
  expect(differing(await replayed(interactions))).toEqual([]);
}, 60_000);

it('goes on behind the live processor where the ledger was cut by a gap', async () => {
  const inHour = async (hours: number, seed: number) => {
    const nowMs = hoursAgo(hours) + MINUTE_MS;
    const wave = await makeWave(env.codec, { seed, count: 10, nowMs, stamped: true });
    return wave.records.map((record) => ({ ...record, key: record.key, partition: 5 }));
  };
  // The marker between the hours falls to the later one when a batch ends before it.
  const early = (await inHour(10, 1)).slice(0, 10);
  await env.sendTransaction(TOPIC, early);
  await env.sendTransaction(TOPIC, await inHour(9, 2));
  const small = { ...interactions, batchRowsMax: 10, lanes: 1 };
  const live = await env.run([small]);
  await env.caughtUp([small]);
  const openRow = async () => {
    const [row] = await env.db.query<{ ledger_from: number }>(
      `SELECT ledger_from FROM stream_offsets WHERE processor = 'interactions' AND partition = 5`,
    );
    return row?.ledger_from;
  };
  const before = (ends[2]?.get(5) ?? 0) + early.length;
  expect(await openRow()).toBe(before);
  const report = await replayed(interactions, { mode: 'swap' });
  expect(report.swapped).toBe(true);
  expect(await openRow()).toBe(before + 1);
  await env.send(TOPIC, await inHour(9, 3));
  await env.caughtUp([small]);
  await live.stop();
  expect(await breaks()).toEqual([]);
  expect(differing(await replayed(interactions))).toEqual([]);
  expect(env.errors).toEqual([]);

  const rest = await env.run([profiles, feedback]);
  await env.caughtUp([profiles, feedback]);
  await rest.stop();
}, 90_000);

it('refuses what the log can no longer give, with the reason', async () => {
  await expect(
    replayed(profiles, { from: { kind: 'time', ms: hoursAgo(49) } }),
  ).rejects.toMatchObject({
    code: 'MARQUEE_REPLAY_REFUSED',
    message: expect.stringContaining('use --from earliest') as string,
  });
  await expect(replayed({ ...profiles, name: 'never-run' })).rejects.toMatchObject({
    code: 'MARQUEE_REPLAY_REFUSED',
    message: 'never-run has never run, so there is nothing to replay',
  });
  await expect(
    replayed(interactions, { signal: AbortSignal.abort(), mode: 'swap' }),
  ).rejects.toMatchObject({ code: 'MARQUEE_REPLAY_CANCELLED' });
  expect(
    await env.db.query(
      `SELECT relname FROM pg_class
       WHERE relnamespace = 'marquee_replay'::regnamespace AND relkind IN ('r', 'p')`,
    ),
  ).toEqual([]);
  const other = await openSession({
    url: env.config.postgres.writerUrl,
    applicationName: 'another replay',
  });
  expect(await lockReplays(other)).toBe(true);
  await expect(replayed(interactions)).rejects.toMatchObject({ code: 'MARQUEE_REPLAY_RUNNING' });
  await other.close();

  const inTheMiddle = new Map([...(ends[0] ?? [])].map(([partition, at]) => [partition, at + 1]));
  await removeRecordsBefore(inTheMiddle);
  await expect(replayed(profiles)).rejects.toMatchObject({
    code: 'MARQUEE_REPLAY_REFUSED',
    message: expect.stringContaining('retention has removed what was before') as string,
  });
  const report = await replayed(interactions);
  expect(report.starts.map((start) => [start.partition, start.from])).toEqual([...(ends[1] ?? [])]);
  expect(differing(report)).toEqual([]);
}, 60_000);

it('keeps partitions of which the log holds nothing, and goes on from there', async () => {
  await removeRecordsBefore(await logEnds());
  const report = await replayed(interactions, { mode: 'swap' });
  expect(report.starts.every((start) => start.kept)).toBe(true);
  expect(differing(report)).toEqual([]);

  await sendWave(400, 9);
  const live = await env.run(all);
  await env.caughtUp(all);
  await live.stop();
  expect(await breaks()).toEqual([]);
  expect(differing(await replayed(interactions))).toEqual([]);

  // Nothing of the processor's position is in the log any more, and it does not stand in it.
  await env.admin.execute(
    `UPDATE marquee.stream_offsets SET next_offset = next_offset + 1000
      WHERE processor = 'feedback'`,
  );
  await expect(replayed(feedback)).rejects.toMatchObject({
    code: 'MARQUEE_REPLAY_REFUSED',
    message: expect.stringContaining('outside the log') as string,
  });
}, 90_000);
