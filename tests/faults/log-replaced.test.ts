import { afterEach, beforeEach, expect, test } from 'vitest';
import { withAdmin } from '../../connectors/kafka/admin.ts';
import { applyTopics } from '../../connectors/kafka/topics.ts';
import type { RunningProcess } from '../support/processes.ts';
import { createScenario, type Scenario } from '../support/scenario/scenario.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import { logEnds } from '../support/read-topic.ts';
import { until } from '../support/until.ts';
import type { Environment } from '../support/faults/environment.ts';
import { MINUTE_MS } from '../../common/time.ts';

const TOPIC = 'user-actions.v1';
const PROCESSORS = ['interactions'];

let environment: Environment;
let scenario: Scenario;

beforeEach(async () => {
  environment = await emptyEnvironment();
  scenario = await createScenario(environment, 5);
  const process = environment.processes.start({ processors: PROCESSORS });
  await scenario.send(400);
  await scenario.verify(PROCESSORS, 'before the log changes');
  await process.stop();
});
afterEach(async () => {
  await scenario.close();
  await environment.close();
});

async function positions(): Promise<unknown> {
  return environment.db.query(
    `SELECT partition, next_offset, last_offset, last_identity::text,
       (SELECT count(*) FROM rt_user_interactions WHERE kafka_partition = o.partition) AS rows
     FROM stream_offsets o ORDER BY partition`,
  );
}

async function makeTopicAgain(): Promise<void> {
  await withAdmin({ brokers: environment.brokers }, async (admin) => {
    await admin.deleteTopics({ topics: [TOPIC] });
    await until('the topic to be gone', 20_000, async () => {
      return !(await admin.listTopics()).includes(TOPIC);
    });
  });
  await applyTopics({ brokers: environment.brokers });
}

/** Records of another log, in every partition beyond where the tables stand. */
async function refill(times: number): Promise<void> {
  const other = await createScenario(environment, 6);
  await other.send(400 * times, { users: 2_000 });
  await other.close();
  const stood = await environment.db.query<{ next_offset: number }>(
    'SELECT next_offset FROM stream_offsets ORDER BY partition',
  );
  const ends = await logEnds(environment.brokers, TOPIC);
  expect(ends.every((end, partition) => end > (stood[partition]?.next_offset ?? 0))).toBe(true);
}

async function alarm(process: RunningProcess, partitions: number, code: string): Promise<void> {
  await until(
    `${partitions} partitions to halt with ${code}`,
    MINUTE_MS,
    () => process.count('partition_halted') >= partitions,
    () => process.tail(10),
  );
  const codes = process.lines
    .filter((line) => line.event === 'partition_halted')
    .map((line) => line['code']);
  expect(new Set(codes)).toEqual(new Set([code]));
  expect((await process.http('/readyz')).status).toBe(503);
  const { text } = await process.http('/metrics');
  expect(text).toMatch(/^marquee_partition_halted\{.*\} 1$/m);
}

test('records removed before they were read: that partition halts, the others go on', async () => {
  await scenario.send(400);
  const [before] = await environment.db.query<{ next_offset: number }>(
    'SELECT next_offset FROM stream_offsets WHERE partition = 0',
  );
  const removedTo = (before?.next_offset ?? 0) + 5;
  await withAdmin({ brokers: environment.brokers }, async (admin) => {
    await admin.fetchTopicOffsets(TOPIC); // kafkajs must have heard of the topic's leaders
    await admin.deleteTopicRecords({
      topic: TOPIC,
      partitions: [{ partition: 0, offset: String(removedTo) }],
    });
  });

  const process = environment.processes.start({ processors: PROCESSORS });
  await alarm(process, 1, 'MARQUEE_OFFSET_OUTSIDE_LOG');
  const ends = await logEnds(environment.brokers, TOPIC);
  await until('the other partitions to reach their ends', MINUTE_MS, async () => {
    const rows = await environment.db.query<{ partition: number; next_offset: number }>(
      'SELECT partition, next_offset FROM stream_offsets WHERE partition > 0',
    );
    return rows.every(({ partition, next_offset: next }) => next === ends[partition]);
  });
  const [after] = await environment.db.query<{ next_offset: number }>(
    'SELECT next_offset FROM stream_offsets WHERE partition = 0',
  );
  expect(after).toEqual(before);
  await process.stop();
});

test('a topic made again while the processor was down: it halts, empty or refilled', async () => {
  const before = await positions();
  await makeTopicAgain();
  const first = environment.processes.start({ processors: PROCESSORS });
  await alarm(first, 8, 'MARQUEE_OFFSET_OUTSIDE_LOG');
  await first.stop();
  await refill(4);

  const second = environment.processes.start({ processors: PROCESSORS });
  await alarm(second, 8, 'MARQUEE_TOPIC_REPLACED');
  await second.stop();
  expect(await positions()).toEqual(before);
});

test('a topic made again and refilled while the processor runs: it halts, and skips nothing', async () => {
  const process = environment.processes.start({ processors: PROCESSORS });
  await until('all partitions to be taken', MINUTE_MS, () => process.count('partition_taken') >= 8);
  const before = await positions();
  await makeTopicAgain();
  await refill(4);

  await until(
    'a halt of all partitions, or the end of the process with a code',
    90_000,
    () => process.exit() !== null || process.count('partition_halted') >= 8,
    () => process.tail(10),
  );
  if (process.exit() === null) expect((await process.http('/readyz')).status).toBe(503);
  expect(await positions()).toEqual(before);
  await environment.processes.killAll();
});
