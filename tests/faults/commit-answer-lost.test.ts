import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgresProxy, type PostgresProxy } from '../support/faults/postgres-proxy.ts';
import { createScenario, type Scenario } from '../support/scenario/scenario.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import { until } from '../support/until.ts';
import type { Environment } from '../support/faults/environment.ts';
import { MINUTE_MS } from '../../common/time.ts';

const PROCESSORS = ['interactions', 'profiles', 'feedback', 'serve-logs', 'movies'];
const SILENT_MS = 3_000;

let environment: Environment;
let scenario: Scenario;
let proxy: PostgresProxy;

beforeAll(async () => {
  environment = await emptyEnvironment({ MARQUEE_STALL_TIMEOUT_MS: String(SILENT_MS) });
  scenario = await createScenario(environment, 1_234);
  proxy = await startPostgresProxy(environment.config.postgres.writerUrl);
});

afterAll(async () => {
  await proxy.close();
  await scenario.close();
  await environment.close();
});

const throughProxy = () => ({
  MARQUEE_PG_WRITER_URL: proxy.url(environment.config.postgres.writerUrl),
});

test('COMMIT sent, answer lost: what the table says decides, whether it counted or not', async () => {
  const process = environment.processes.start({ processors: PROCESSORS, env: throughProxy() });
  for (let round = 0; round < 5; round++) {
    proxy.strike('unanswered', 'unsent', 'unanswered', 'unanswered', 'unsent');
    await scenario.send(400);
    await scenario.verify(PROCESSORS, `round ${round}`);
  }

  expect(proxy.fallen().length).toBeGreaterThanOrEqual(20);
  expect(process.exit()).toBeNull();
  await until('readiness after the troubles', 10_000, async () => {
    return (await process.http('/readyz')).status === 200;
  });
  await process.stop();
});

test('COMMIT sent, and silence: the process ends itself, another goes on from what counted', async () => {
  await environment.processes.killAll();
  const stuck = environment.processes.start({ processors: ['interactions'], env: throughProxy() });
  await stuck.logged('partition_taken', MINUTE_MS);
  const before = proxy.fallen().length;
  proxy.strike('silent');

  await scenario.send(400);
  const end = await stuck.died(MINUTE_MS);

  expect(proxy.fallen().slice(before)).toContain('silent');
  expect(end.code).toBe(1);
  expect(stuck.lines.find((line) => line.event === 'ended')).toMatchObject({
    code: 'MARQUEE_STALLED',
    reason: expect.stringMatching(/records of partition.*: before_commit \d+ s ago/) as unknown,
  });
  const successor = environment.processes.start({ processors: PROCESSORS });
  await scenario.verify(PROCESSORS, 'after a silent COMMIT');
  await successor.stop();
});
