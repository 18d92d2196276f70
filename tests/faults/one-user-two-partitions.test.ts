import { afterEach, beforeEach, expect, test } from 'vitest';
import { withAdmin } from '../../connectors/kafka/admin.ts';
import { partitionOf } from '../../common/partitioner.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import { userName, type PlacedRecord } from '../support/scenario/generate.ts';
import { action } from '../support/records.ts';
import { createScenario, type Scenario } from '../support/scenario/scenario.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import type { Environment } from '../support/faults/environment.ts';
import { MINUTE_MS } from '../../common/time.ts';

const TOPIC = 'user-actions.v1';
const PROCESSORS = ['interactions', 'profiles', 'feedback'];
const RAISED = 12;

let environment: Environment;
let scenario: Scenario;

beforeEach(async () => {
  environment = await emptyEnvironment({ MARQUEE_METADATA_MAX_AGE_MS: '1000' });
  scenario = await createScenario(environment, 31, {
    partitions: (topic) => (topic === TOPIC ? RAISED : 8),
  });
});

afterEach(async () => {
  await scenario.close();
  await environment.close();
});

/** A click on one of a few movies: rows of the same user and movie meet from both partitions. */
function clickAt(userId: string, n: number): UserActionRecord {
  return action({
    user_id: userId,
    action: n % 5 === 0 ? 'like' : 'click',
    movie_id: 1 + (n % 3),
    occurred_at: Date.now() - MINUTE_MS + n,
  });
}

function placed(action: UserActionRecord, partition: number): PlacedRecord {
  const { expected, encode } = scenario;
  const offset = expected.place(TOPIC, partition);
  expected.action(action, partition, offset);
  expected.add('interactions', 'ok');
  expected.add('profiles', 'ok');
  expected.add('feedback', 'skipped');
  const key = Buffer.from(action.user_id);
  return { topic: TOPIC, partition, offset, key, value: encode.action(action) };
}

async function raisePartitions(): Promise<void> {
  await withAdmin({ brokers: environment.brokers }, async (admin) => {
    await admin.createPartitions({ topicPartitions: [{ topic: TOPIC, count: RAISED }] });
  });
}

test('two processes add to one profile from two partitions at once: no update is lost', async () => {
  await raisePartitions();
  const two = [1, 2].map(() => environment.processes.start({ processors: PROCESSORS }));
  await Promise.all(two.map((process) => process.logged('partition_taken', MINUTE_MS)));
  for (let n = 0; n < 6_000; n += 300) {
    const users = ['one', 'two', 'three'];
    const batch = Array.from({ length: 300 }, (_, i) =>
      placed(clickAt(users[i % 3] as string, n + i), (n + i) % RAISED),
    );
    await scenario.loader.send(batch);
  }
  await scenario.verify(PROCESSORS, 'one user in all partitions');

  const owners = await environment.db.query<{ owner: string }>(
    `SELECT DISTINCT owner FROM stream_offsets WHERE processor = 'profiles'`,
  );
  expect(owners).toHaveLength(2);
  await environment.processes.stopAll();
});

test('partitions raised from 8 to 12 under load: users move, no update is lost', async () => {
  const two = [1, 2].map(() => environment.processes.start({ processors: PROCESSORS }));
  await Promise.all(two.map((process) => process.logged('partition_taken', MINUTE_MS)));
  let n = 0;
  const sendBatches = async (batches: number, partitions: number): Promise<void> => {
    for (let i = 0; i < batches; i++) {
      const batch = Array.from({ length: 300 }, () => {
        const user = userName(n % 40);
        return placed(clickAt(user, n++), partitionOf(user, partitions));
      });
      await scenario.loader.send(batch);
    }
  };
  await sendBatches(10, 8);
  await raisePartitions();
  // Producers that have not noticed yet write to the old places beside those that have.
  for (let i = 0; i < 5; i++) {
    await sendBatches(1, 8);
    await sendBatches(1, RAISED);
  }
  await scenario.verify(PROCESSORS, 'partitions raised');
  const moved = Array.from({ length: 40 }, (_, i) => userName(i)).filter(
    (user) => partitionOf(user, 8) !== partitionOf(user, RAISED),
  );
  expect(moved.length).toBeGreaterThan(0);
  await environment.processes.stopAll();
});
