import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../../common/random.ts';
import { createChaos, type Chaos, type ChaosCounts, type ChaosPlan } from './chaos.ts';
import { checkAgainstExpected, untilCaughtUp, type Finding } from '../support/scenario/checks.ts';
import { compareWithCleanRun } from './clean-run.ts';
import { Expected } from '../support/scenario/expected.ts';
import { createEncoders, generateLoad, type PlacedRecord } from '../support/scenario/generate.ts';
import { createLoader } from '../support/scenario/loader.ts';
import { checkDeadLetterTopic, checkProfileChanges } from '../support/scenario/published.ts';
import { startSampler } from '../support/scenario/sampler.ts';
import type { Environment } from '../support/faults/environment.ts';

export interface SoakPlan extends ChaosPlan {
  /** User actions; resends, bad ones, serves and movies come on top. */
  readonly events: number;
  readonly users: number;
  readonly movies: number;
  readonly huge: number;
}

export interface SoakReport {
  readonly counts: ChaosCounts;
  readonly findings: readonly Finding[];
  readonly records: number;
  readonly summary: string;
}

export const ALL_PROCESSORS = ['interactions', 'profiles', 'feedback', 'serve-logs', 'movies'];

const CHUNK = 400;

/**
 * The main scenario: a load with resends, disorder and bad records, processed while processes and
 * servers die at random moments; then everything is held against the generator's account and
 * against a clean run. Expects an empty environment.
 */
export async function runSoak(environment: Environment, plan: SoakPlan): Promise<SoakReport> {
  const began = Date.now();
  const folder = mkdtempSync(join(environment.home, 'expected-'));
  const sampler = startSampler(environment.adminUrl);
  try {
    const expected = new Expected(folder);
    const chaos = createChaos(environment, plan, sampler);
    const loading = feed(environment, plan, expected, chaos);
    await Promise.all([loading, chaos.run()]);
    plan.report(`${expected.records()} records sent; faults over, waiting for the tables`);
    const bound = 120_000 + plan.events / 5;
    await untilCaughtUp(environment, ALL_PROCESSORS, bound);
    const midway = chaos.snapshots();
    await chaos.end();

    plan.report('holding the tables against the account of what was sent');
    const findings: Finding[] = [await sampler.stop(), ...midway, chaos.verdict()];
    findings.push(...(await checkAgainstExpected(environment, expected, ALL_PROCESSORS)));
    findings.push(await checkDeadLetterTopic(environment, expected, ALL_PROCESSORS));
    findings.push(await checkProfileChanges(environment));
    plan.report('the same topics once more, without faults');
    findings.push(...(await compareWithCleanRun(environment, ALL_PROCESSORS, bound)));
    const counts = chaos.counts();
    return {
      counts,
      findings,
      records: expected.records(),
      summary: summarise(plan, counts, expected, findings, Date.now() - began),
    };
  } finally {
    await sampler.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Sends as the faults go on, and they as it sends, so that each of them meets a load. */
async function feed(
  environment: Environment,
  plan: SoakPlan,
  expected: Expected,
  chaos: Pick<Chaos, 'pace' | 'sent' | 'failed'>,
): Promise<void> {
  const encode = await createEncoders(environment.codec);
  const loader = createLoader(environment.brokers);
  const load = { ...plan, actions: plan.events, startMs: Date.now() };
  // What is sent in small requests keeps every processor in some batch at any moment.
  let chunk: PlacedRecord[] = [];
  const share = (): number => {
    const made = expected.count('interactions', 'ok') + expected.count('interactions', 'too_late');
    return made / plan.events;
  };
  try {
    for (const record of generateLoad(load, encode, expected)) {
      chunk.push(record);
      const large = (record.value?.length ?? 0) > 1_000_000;
      if (chunk.length < CHUNK && !large) continue;
      await loader.send(chunk);
      chunk = [];
      chaos.sent(share());
      while (chaos.pace() < 1 && share() > chaos.pace()) await delay(5);
      if (chaos.failed) return;
    }
    await loader.send(chunk);
    chaos.sent(1);
  } finally {
    await loader.close();
  }
}

function summarise(
  plan: SoakPlan,
  counts: ChaosCounts,
  expected: Expected,
  findings: readonly Finding[],
  ms: number,
): string {
  const broken = findings.filter(({ holds }) => !holds).length;
  const resent = expected.count('interactions', 'duplicate');
  const done = Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ');
  return (
    `soak: seed ${plan.seed}: ${plan.events} actions, ${expected.records()} records ` +
    `(${resent} actions resent, ${expected.dead.length} bad); ${done}; ` +
    `${findings.length - broken} of ${findings.length} checks hold; ${Math.round(ms / 1000)} s`
  );
}

/** A seed for a run that was given none. */
export function randomSeed(): number {
  return createRandom(Date.now()).below(1_000_000_000);
}
