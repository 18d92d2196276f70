import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cpuSecondsOf } from '../support/procfs.ts';
import { retriesIn } from '../support/retries.ts';
import type { RunningProcess } from '../support/processes.ts';
import { createScenario, type Scenario } from '../support/scenario/scenario.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import { until } from '../support/until.ts';
import type { Environment } from '../support/faults/environment.ts';
import { MINUTE_MS } from '../../common/time.ts';

const PROCESSORS = ['interactions', 'profiles'];
/** What tries by itself: 8 take-overs, 2 batch-workers, the outbox, Kafka, in 2 processors. */
const CHANNELS = 24;
const RETRY_MAX_MS = 1_000;

let environment: Environment;
let scenario: Scenario;

beforeEach(async () => {
  environment = await emptyEnvironment();
  scenario = await createScenario(environment, 17);
});
afterEach(async () => {
  for (const service of ['kafka', 'registry', 'postgres'] as const)
    await environment.start(service);
  await scenario.close();
  await environment.close();
});

/** While a server is away a process says so, tries with growing pauses, and does not spin. */
async function waitsItOut(process: RunningProcess, codes: RegExp): Promise<void> {
  await process.logged('retrying', MINUTE_MS, (line) => codes.test(String(line['code'])));
  const began = performance.now();
  const [cpu, tries] = [cpuSecondsOf(process.pid), await retriesIn(process)];
  const lines = process.lines.length;
  await until('some more tries', MINUTE_MS, async () => (await retriesIn(process)) >= tries + 3);
  const seconds = (performance.now() - began) / 1_000;
  const more = (await retriesIn(process)) - tries;

  // After the first few, a pause is at least half of the longest one.
  expect(more).toBeLessThanOrEqual(CHANNELS * (6 + (seconds * 1_000) / (RETRY_MAX_MS / 2)));
  expect(process.lines.length - lines).toBeLessThanOrEqual(PROCESSORS.length * (4 + seconds));
  expect(cpuSecondsOf(process.pid) - cpu).toBeLessThanOrEqual(0.5 + 0.5 * seconds);
  const line = process.lines.find((found) => found.event === 'retrying');
  expect(String(line?.['reason']).length).toBeGreaterThan(20);
}

/** Something to do, so that an absent Postgres is noticed: nothing asks it while nothing is due. */
async function scenarioGoesOn(service: string): Promise<void> {
  if (service === 'postgres') await scenario.send(300);
}

async function readyAgain(process: RunningProcess): Promise<void> {
  await until(
    'readiness once all is back',
    MINUTE_MS,
    async () => (await process.http('/readyz')).status === 200,
    () => process.tail(10),
  );
}

describe.each([
  ['postgres', /^MARQUEE_PG_/],
  ['kafka', /^MARQUEE_KAFKA_/],
] as const)('%s', (service, codes) => {
  test('away at start and in the middle: said, waited out, nothing lost', async () => {
    await scenario.send(500);
    await environment.end(service, 'SIGKILL');
    const process = environment.processes.start({ processors: PROCESSORS });
    await waitsItOut(process, codes);
    expect((await process.http('/readyz')).status).toBe(503);
    await environment.start(service);
    await scenario.verify(PROCESSORS, `${service} away at start`);
    await readyAgain(process);

    const endedAt = Date.now();
    await environment.end(service, 'SIGKILL');
    await scenarioGoesOn(service);
    await process.logged('retrying', MINUTE_MS, (line) => Number(line.time) >= endedAt);
    await environment.start(service);
    await scenario.send(500);
    await scenario.verify(PROCESSORS, `${service} away in the middle`);
    await readyAgain(process);
    await process.stop();
  });
});

test('the registry away: who knows the schemas goes on, who does not waits', async () => {
  const knowing = environment.processes.start({ processors: ['interactions'] });
  await scenario.send(300);
  await scenario.verify(['interactions'], 'before the registry goes');
  await environment.end('registry', 'SIGKILL');
  const asking = environment.processes.start({ processors: ['profiles'] });
  await waitsItOut(asking, /^MARQUEE_REGISTRY_UNAVAILABLE$/);

  await environment.start('registry');
  await scenario.send(300);
  await scenario.verify(PROCESSORS, 'the registry is back');
  await readyAgain(asking);
  expect(knowing.exit()).toBeNull();
  await environment.processes.stopAll();
});
