import { MUTANTS, plant, type Mutant } from './mutants.ts';
import { createScenario } from '../support/scenario/scenario.ts';
import { stopSurvivors, untilRefused } from '../support/faults/stale.ts';
import { until } from '../support/until.ts';
import { FAULT_SERVICES, type Environment } from '../support/faults/environment.ts';
import { proveMutants } from './prove.ts';
import { MINUTE_MS } from '../../common/time.ts';

/**
 * Takes one guarantee after the other out of a copy of the source, and shows that the fault suite's
 * checks go red over it: `marquee soak --mutations`.
 */
const PROCESSORS = ['interactions', 'profiles', 'feedback'];
const CATCH_UP_MS = 40_000;

/** Lines of a failure that say what was broken. */
const TELLING = /NOT:|waited|checks fail|by itself|"event":"ended"/;

/** One owner stopped beyond its session, then one killed with work in its hands, for each processor. */
async function shortFaults(environment: Environment, root: string): Promise<void> {
  const env = { MUTANT_BROKERS: environment.brokers.join(',') };
  const scenario = await createScenario(environment, 77, { catchUpMs: CATCH_UP_MS });
  const armed = (failpoint: string) =>
    PROCESSORS.map((processor) =>
      environment.processes.start({
        processors: [processor],
        root,
        env: { ...env, MARQUEE_FAILPOINTS: failpoint },
      }),
    );
  try {
    environment.processes.start({ processors: PROCESSORS, root, env });
    await scenario.send(500);
    await scenario.verify(PROCESSORS, 'before any fault');

    const stale = armed('fetched:1:SIGSTOP');
    await Promise.all(stale.map((process) => process.logged('partition_taken', MINUTE_MS)));
    await scenario.send(1_500);
    await Promise.all(
      stale.map((p) => until('an owner to be stopped', MINUTE_MS, () => p.stopped())),
    );
    await scenario.caughtUp(PROCESSORS);
    for (const process of stale) process.kill('SIGCONT');
    await untilRefused(stale);
    await scenario.verify(PROCESSORS, 'an owner was stopped beyond its session');
    await stopSurvivors(stale);

    // Inside its transaction; and between its COMMIT and its word to Kafka.
    for (const point of ['cas_done', 'after_commit']) {
      const targets = armed(`${point}:1`);
      await Promise.all(targets.map((process) => process.logged('partition_taken', MINUTE_MS)));
      await scenario.send(1_500);
      await Promise.all(targets.map((process) => process.died(MINUTE_MS)));
      await scenario.verify(PROCESSORS, `an owner was killed at ${point}`);
    }
  } finally {
    await environment.processes.killAll();
    await scenario.close();
  }
}

/** What went red, or null where all checks hold. */
async function tryMutant(environment: Environment, mutant: Mutant): Promise<string | null> {
  const { root, remove } = plant(mutant);
  try {
    await environment.reset();
    await shortFaults(environment, root);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    remove();
  }
}

export const runMutations = (): Promise<boolean> =>
  proveMutants({
    services: FAULT_SERVICES,
    mutants: MUTANTS,
    changes: ({ edits }) => edits.length > 0,
    tryMutant,
    reasons: (red) => red.split('\n').filter((line) => TELLING.test(line)),
  });
