import { parseArgs } from 'node:util';
import { startStack } from '../support/stack.ts';
import { runArchiveSoak } from './archive-soak.ts';
import { demand, type Finding } from '../support/scenario/checks.ts';
import { randomSeed, runSoak } from './soak.ts';
import {
  ARCHIVE_FAULT_SERVICES,
  FAULT_SERVICES,
  openEnvironment,
  setUpEnvironment,
  type Environment,
} from '../support/faults/environment.ts';

/** The long form of the fault suite, on a stack of its own: `marquee soak --help`. */
const HELP = `marquee soak: the main fault scenario, on a stack of its own

  --events N              user actions (default 5,000,000)
  --kills N               SIGKILLs of processes at random moments (200)
  --rebalances N          processes that join or leave (100)
  --broker-restarts N     SIGKILLs of the broker (20)
  --postgres-restarts N   immediate stops of Postgres (20)
  --terminations N        sessions ended in the middle of a COPY (20)
  --zombies N             processes stopped beyond their session, and continued (50)
  --users N, --movies N   (50,000, 5,000)
  --seed N                of load and faults (a new one, printed)
  --client NAME           kafkajs or rdkafka
  --archive               instead: runs of the archive, killed. Then --events is 1,000,000, --kills
                          50, and --store-restarts N (4) ends the store, Postgres and the broker
                          so often each
  --mutations             instead: takes guarantees out of the source, and shows each go red;
                          with --archive those of the archive
  --keep                  leave the stack's folder for a look when a check fails
`;

const number = (text: string | undefined, fallback: number): number =>
  text === undefined ? fallback : Number(text.replaceAll(/[_,]/g, ''));

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    events: text,
    kills: text,
    rebalances: text,
    'broker-restarts': text,
    'postgres-restarts': text,
    terminations: text,
    zombies: text,
    users: text,
    movies: text,
    seed: text,
    client: text,
    'store-restarts': text,
    archive: { type: 'boolean' },
    keep: { type: 'boolean' },
    mutations: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

// So that the handlers of `exit` end what was started.
process.once('SIGTERM', () => process.exit(143));
process.once('SIGINT', () => process.exit(130));

const began = performance.now();
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

type Soak = (
  environment: Environment,
) => Promise<{ findings: readonly Finding[]; summary: string }>;

const report = (line: string): void =>
  print(`${((performance.now() - began) / 1000).toFixed(1)} s: ${line}`);

async function soakStreams(environment: Environment, seed: number): ReturnType<Soak> {
  return runSoak(environment, {
    seed,
    events: number(values.events, 5_000_000),
    users: number(values.users, 50_000),
    movies: number(values.movies, 5_000),
    huge: 5,
    kills: number(values.kills, 200),
    rebalances: number(values.rebalances, 100),
    brokerRestarts: number(values['broker-restarts'], 20),
    postgresRestarts: number(values['postgres-restarts'], 20),
    terminations: number(values.terminations, 20),
    zombies: number(values.zombies, 50),
    report,
  });
}

async function soakArchive(environment: Environment, seed: number): ReturnType<Soak> {
  await environment.reset(['user-actions.v1']);
  return runArchiveSoak(environment, {
    seed,
    events: number(values.events, 1_000_000),
    kills: number(values.kills, 50),
    restarts: number(values['store-restarts'], 4),
    users: number(values.users, 20_000),
    report,
  });
}

async function main(): Promise<void> {
  const seed = number(values.seed, randomSeed());
  print(`seed ${seed}`);
  const archive = values.archive === true;
  const stack = await startStack({ services: archive ? ARCHIVE_FAULT_SERVICES : FAULT_SERVICES });
  const settings: Record<string, string> =
    values.client === undefined ? {} : { MARQUEE_KAFKA_CLIENT: values.client };
  let keep = false;
  try {
    await setUpEnvironment(stack.config);
    const environment = openEnvironment(stack.home, settings);
    try {
      const { findings, summary } = await (archive ? soakArchive : soakStreams)(environment, seed);
      for (const { check, holds } of findings) print(`${holds ? '  holds' : '  FAILS'}: ${check}`);
      print(summary);
      demand(findings, `seed ${seed}`);
    } catch (error) {
      keep = values.keep === true;
      throw error;
    } finally {
      await environment.close();
    }
  } catch (error) {
    print((error as Error).message);
    process.exitCode = 1;
  } finally {
    if (keep) print(`kept: ${stack.home}`);
    else await stack.stop();
  }
}

if (values.help === true) print(HELP);
else if (values.mutations === true && values.archive === true) {
  const { runArchiveMutations } = await import('./archive-mutations.ts');
  process.exitCode = (await runArchiveMutations()) ? 0 : 1;
} else if (values.mutations === true) {
  const { runMutations } = await import('./mutations.ts');
  process.exitCode = (await runMutations()) ? 0 : 1;
} else await main();
