import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAILPOINTS, type FailpointName } from '../../streams/runtime/failpoints.ts';
import type { RunningProcess } from '../support/processes.ts';
import { createScenario, type Scenario } from '../support/scenario/scenario.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import type { Environment } from '../support/faults/environment.ts';
import { MINUTE_MS } from '../../common/time.ts';

// Each processor reads by a group of its own, so several can meet their deaths side by side.
const PROCESSORS = ['interactions', 'profiles', 'feedback', 'serve-logs'] as const;
type Target = (typeof PROCESSORS)[number];
const ROUNDS = Math.ceil(FAILPOINTS.length / PROCESSORS.length);

const PACE_MS = 3_000;

/** In each round every processor dies at another point; the rounds cover all points. */
function placesOf(round: number): readonly (readonly [Target, FailpointName])[] {
  return PROCESSORS.map((processor, i) => {
    const point = FAILPOINTS[(round * PROCESSORS.length + i) % FAILPOINTS.length];
    return [processor, point as FailpointName];
  });
}

let environment: Environment;
let scenario: Scenario;
let survivor: RunningProcess;

beforeAll(async () => {
  environment = await emptyEnvironment();
  scenario = await createScenario(environment, 4_711);
  survivor = environment.processes.start({ processors: PROCESSORS, label: 'survivor' });
  await scenario.send(500);
  await scenario.verify(PROCESSORS, 'before any fault');
});

afterAll(async () => {
  await scenario.close();
  await survivor.stop();
  await environment.close();
});

describe.each(Array.from({ length: ROUNDS }, (_, round) => round))('round %i', (round) => {
  const places = placesOf(round);

  test(`SIGKILL: ${places.map((place) => place.join(' at ')).join(', ')}`, async () => {
    const targets = places.map(([processor, point]) =>
      environment.processes.start({
        processors: [processor],
        label: `${processor} at ${point}`,
        env: { MARQUEE_FAILPOINTS: `${point}:1` },
      }),
    );
    await Promise.all(targets.map((target) => target.logged('partition_taken', MINUTE_MS)));
    // Revocation is a fault's place only when somebody else comes.
    const revoked = places.filter(([, point]) => point === 'revoking');
    for (const [processor] of revoked) environment.processes.start({ processors: [processor] });

    // An outbox is emptied by whoever comes first: the survivor may have published what a target left
    // in it. So traffic goes on until each has come to its place itself.
    const dying = Promise.all(targets.map((target) => target.died(MINUTE_MS)));
    let alive = true;
    while (alive) {
      await scenario.send(1_000);
      alive = await Promise.race([dying.then(() => false), delay(PACE_MS, true)]);
    }
    const ends = await dying;

    expect(ends.map(({ signal }) => signal)).toEqual(targets.map(() => 'SIGKILL'));
    await scenario.verify(PROCESSORS, `after ${JSON.stringify(places)}`);
    expect(survivor.exit()).toBeNull();
  });
});
