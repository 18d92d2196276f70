import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkAgainstExpected, demand, untilCaughtUp } from './checks.ts';
import { Expected } from './expected.ts';
import {
  createEncoders,
  generateLoad,
  type Encoders,
  type LoadPlan,
  type PlacedRecord,
} from './generate.ts';
import { createLoader, type Loader } from './loader.ts';
import { checkDeadLetterTopic } from './published.ts';
import { until } from '../until.ts';
import type { Environment } from '../faults/environment.ts';

/** A load in portions, with the account of all that was sent so far. */
export interface Scenario {
  readonly expected: Expected;
  readonly encode: Encoders;
  readonly loader: Loader;
  /** Sends a portion of the usual mix: resends, disorder, bad records. */
  send(actions: number, plan?: Partial<LoadPlan>): Promise<void>;
  /** Waits until the processors are at the log's end. */
  caughtUp(processors: readonly string[]): Promise<void>;
  /** Waits until the processors are at the log's end, and holds all tables against the account. */
  verify(processors: readonly string[], context: string): Promise<void>;
  close(): Promise<void>;
}

export interface ScenarioOptions {
  /** Where the topics are not as declared. */
  readonly partitions?: ConstructorParameters<typeof Expected>[1];
  readonly catchUpMs?: number;
}

const CATCH_UP_MS = 90_000;
const CHUNK = 500;

export async function createScenario(
  environment: Environment,
  seed: number,
  options: ScenarioOptions = {},
): Promise<Scenario> {
  const folder = mkdtempSync(join(environment.home, 'expected-'));
  const expected = new Expected(folder, options.partitions);
  const loader = createLoader(environment.brokers);
  const encode = await createEncoders(environment.codec);
  const catchUpMs = options.catchUpMs ?? CATCH_UP_MS;
  let portion = 0;

  return {
    expected,
    encode,
    loader,
    async send(actions, plan = {}) {
      portion++;
      const load: LoadPlan = {
        seed: seed + portion * 7919,
        actions,
        users: 200,
        movies: 50,
        startMs: Date.now(),
        huge: 0,
        ...plan,
      };
      let chunk: PlacedRecord[] = [];
      for (const record of generateLoad(load, encode, expected)) {
        if (chunk.push(record) < CHUNK) continue;
        await loader.send(chunk);
        chunk = [];
      }
      await loader.send(chunk);
    },
    caughtUp: (processors) => untilCaughtUp(environment, processors, catchUpMs),
    async verify(processors, context) {
      try {
        await untilCaughtUp(environment, processors, catchUpMs);
        await untilPublished(environment);
        const findings = await checkAgainstExpected(environment, expected, processors);
        findings.push(await checkDeadLetterTopic(environment, expected, processors));
        demand(findings, `${context}, seed ${seed}`);
      } catch (error) {
        const tails = environment.processes.alive().map((p) => p.tail(8));
        throw new Error([(error as Error).message, ...tails].join('\n'), { cause: error });
      }
    },
    async close() {
      await loader.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Outboxes are drained after COMMIT: the last of it may be on its way. */
async function untilPublished(environment: Environment): Promise<void> {
  // A process that is stopped while it publishes holds its rows for a minute (OUTBOX_IDLE_MS).
  await until('the outboxes to be drained', 90_000, async () => {
    const [due] = await environment.db.query<{ rows: number }>(
      `SELECT (SELECT count(*) FROM profile_outbox)
            + (SELECT count(*) FROM dead_letters WHERE published_at IS NULL) AS rows`,
    );
    return due?.rows === 0;
  });
}
