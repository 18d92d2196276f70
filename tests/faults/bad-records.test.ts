import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../../common/random.ts';
import { partitionOf } from '../../common/partitioner.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import {
  BAD_KIND_NAMES,
  makeBad,
  makeHuge,
  type BadRecord,
} from '../support/scenario/bad-records.ts';
import type { PlacedRecord } from '../support/scenario/generate.ts';
import { action } from '../support/records.ts';
import { createScenario, type Scenario } from '../support/scenario/scenario.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import type { Environment } from '../support/faults/environment.ts';
import { HOUR_MS, MINUTE_MS } from '../../common/time.ts';

const TOPIC = 'user-actions.v1';
const PROCESSORS = ['interactions', 'profiles', 'feedback'];

let environment: Environment;
let scenario: Scenario;

beforeAll(async () => {
  environment = await emptyEnvironment();
  scenario = await createScenario(environment, 99);
});
afterAll(async () => {
  await scenario.close();
  await environment.close();
});

const actionAt = (occurredAt: number): UserActionRecord =>
  action({ user_id: 'neighbour', action: 'click', movie_id: 5, occurred_at: occurredAt });

/** All in the partition of the neighbours, so that good and bad stand side by side. */
const partition = partitionOf('neighbour', 8);

function good(): PlacedRecord {
  const action = actionAt(Date.now() - MINUTE_MS);
  const offset = scenario.expected.place(TOPIC, partition);
  scenario.expected.action(action, partition, offset);
  scenario.expected.add('interactions', 'ok');
  scenario.expected.add('profiles', 'ok');
  scenario.expected.add('feedback', 'skipped');
  const key = Buffer.from(action.user_id);
  return { topic: TOPIC, partition, offset, key, value: scenario.encode.action(action) };
}

function bad(record: BadRecord): PlacedRecord {
  const offset = scenario.expected.place(TOPIC, partition);
  const { kind, reason, value } = record;
  const bytes = value?.length ?? null;
  scenario.expected.bad({ topic: TOPIC, partition, offset, kind, reason, bytes });
  return { ...record, topic: TOPIC, partition, offset };
}

function tooLate(ageMs: number): PlacedRecord {
  const action = actionAt(Date.now() - ageMs);
  for (const processor of PROCESSORS) scenario.expected.add(processor, 'too_late');
  const offset = scenario.expected.place(TOPIC, partition);
  const key = Buffer.from(action.user_id);
  return { topic: TOPIC, partition, offset, key, value: scenario.encode.action(action) };
}

test('each kind of bad record is dead-lettered alone, with its reason and its bytes', async () => {
  const input = {
    action: actionAt(Date.now() - MINUTE_MS),
    encode: scenario.encode.action,
    foreignSchemaId: scenario.encode.serveSchemaId,
    nowMs: Date.now(),
    random: createRandom(7),
  };
  const records: PlacedRecord[] = [good()];
  for (const kind of BAD_KIND_NAMES) records.push(bad(makeBad(kind, input)), good());
  records.push(tooLate(24 * HOUR_MS + MINUTE_MS), good(), tooLate(40 * 365 * 24 * HOUR_MS), good());
  await scenario.loader.send(records);
  await scenario.loader.send([bad(makeHuge(input, 10))]);
  await scenario.loader.send([good()]);

  const process = environment.processes.start({ processors: PROCESSORS });
  await scenario.verify(PROCESSORS, 'each kind of bad record');
  const dead = await environment.db.query<{ kinds: number }>(
    'SELECT count(DISTINCT reason) AS kinds FROM dead_letters',
  );
  expect(dead[0]?.kinds).toBeGreaterThanOrEqual(13);
  await process.stop();
});
