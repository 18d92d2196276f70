import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readEnvironment } from '../../cli/config/config.ts';
import type { FailpointName } from '../../streams/runtime/failpoints.ts';
import type { RunningProcess } from '../support/processes.ts';
import { ownerPid, startSampler, type Sampler } from '../support/scenario/sampler.ts';
import { createScenario, type Scenario } from '../support/scenario/scenario.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';
import { stopSurvivors, untilRefused } from '../support/faults/stale.ts';
import { until } from '../support/until.ts';
import type { Environment } from '../support/faults/environment.ts';
import { MINUTE_MS } from '../../common/time.ts';

const PROCESSORS = ['interactions', 'profiles', 'feedback'] as const;
const SESSION_MS = 3_000;
const TAKE_OVER_MS = 15_000 + SESSION_MS;

/** Before, inside and after the transaction, and in the middle of COPY; a group each, side by side. */
const ROUNDS: readonly (readonly FailpointName[])[] = [
  ['fetched', 'cas_done', 'copy_half'],
  ['copy_sent', 'before_commit', 'after_commit'],
];

/** The long form: STALE_REPEATS=8 stops 54 owners. */
const repeats = Number(readEnvironment()['STALE_REPEATS'] ?? 0);

let environment: Environment;
let scenario: Scenario;
let sampler: Sampler;
let successor: RunningProcess;

beforeAll(async () => {
  environment = await emptyEnvironment({ MARQUEE_SESSION_TIMEOUT_MS: String(SESSION_MS) });
  scenario = await createScenario(environment, 2_718);
  sampler = startSampler(environment.adminUrl);
  successor = environment.processes.start({ processors: PROCESSORS, label: 'successor' });
  await scenario.send(500);
  await scenario.verify(PROCESSORS, 'before any fault');
});

afterAll(async () => {
  await sampler.stop();
  await scenario.close();
  await environment.close();
});

/** Partitions of a processor that this process owns, with its position in them. */
function ownedBy(pid: number, processor: string): ReadonlyMap<string, number> {
  const mine = [...sampler.latest()].filter(
    ([, position]) => position.processor === processor && ownerPid(position.owner) === pid,
  );
  return new Map(mine.map(([key, position]) => [key, position.next_offset]));
}

/** Milliseconds from the stop to the first COMMIT of a successor in each partition it owned. */
async function takeOverTime(stale: RunningProcess, processor: string): Promise<number> {
  await until(`${stale.label} to be stopped by its failpoint`, MINUTE_MS, () => stale.stopped());
  const stoppedAt = performance.now();
  const owned = ownedBy(stale.pid, processor);
  await until(
    `a successor's COMMIT after ${stale.label} was stopped`,
    TAKE_OVER_MS + 30_000,
    () =>
      [...owned].some(([key, next]) => {
        const now = sampler.latest().get(key);
        return now !== undefined && ownerPid(now.owner) !== stale.pid && now.next_offset > next;
      }),
    () => [...sampler.latest().values()].filter((position) => position.processor === processor),
  );
  return performance.now() - stoppedAt;
}

describe.each(ROUNDS)('SIGSTOP at %s, %s and %s', (...points) => {
  test(
    'a successor commits in time, and the owner that wakes up writes nothing',
    { repeats },
    async () => {
      const stale = PROCESSORS.map((processor, i) =>
        environment.processes.start({
          processors: [processor],
          label: `${processor} stopped at ${String(points[i])}`,
          env: { MARQUEE_FAILPOINTS: `${String(points[i])}:1:SIGSTOP` },
        }),
      );
      await Promise.all(stale.map((process) => process.logged('partition_taken', MINUTE_MS)));

      await scenario.send(2_000);
      const times = await Promise.all(
        stale.map((process, i) => takeOverTime(process, PROCESSORS[i] as string)),
      );
      for (const [i, ms] of times.entries())
        process.stdout.write(
          `${stale[i]?.label ?? ''}: taken over in ${(ms / 1000).toFixed(1)} s\n`,
        );

      // What they were about to write was written by the successor: now it must be refused.
      await scenario.verify(PROCESSORS, `while ${points.join(', ')} are stopped`);
      for (const process of stale) process.kill('SIGCONT');
      await untilRefused(stale);
      await scenario.verify(PROCESSORS, `after SIGCONT at ${points.join(', ')}`);
      await stopSurvivors(stale);
      await scenario.send(300);
      await scenario.verify(PROCESSORS, `after the stale owners left (${points.join(', ')})`);
      expect(Math.max(...times)).toBeLessThanOrEqual(TAKE_OVER_MS);
      expect(successor.exit()).toBeNull();
    },
  );
});

test('next_offset and owner_epoch never went back', async () => {
  const finding = await sampler.stop();
  expect(finding.holds, finding.found).toBe(true);
});
