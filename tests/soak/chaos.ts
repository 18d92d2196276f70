import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, type Random } from '../../common/random.ts';
import { checkSnapshot, type Finding } from '../support/scenario/checks.ts';
import type { RunningProcess } from '../support/processes.ts';
import { ownerPid, type Sampler } from '../support/scenario/sampler.ts';
import { until } from '../support/until.ts';
import type { Environment } from '../support/faults/environment.ts';
import { createMembers, type Members } from './members.ts';
import { MINUTE_MS } from '../../common/time.ts';

/** How often each fault is to happen. */
export interface ChaosPlan {
  readonly seed: number;
  readonly kills: number;
  readonly rebalances: number;
  readonly brokerRestarts: number;
  readonly postgresRestarts: number;
  /** Sessions ended in the middle of a COPY. */
  readonly terminations: number;
  /** Processes stopped for longer than their session, and continued. */
  readonly zombies: number;
  /** Progress for whoever waits. */
  report(line: string): void;
}

/** How often each fault did happen. */
export interface ChaosCounts {
  kills: number;
  joins: number;
  leaves: number;
  'broker restarts': number;
  'Postgres restarts': number;
  'sessions ended in a COPY': number;
  zombies: number;
}

export interface Chaos {
  /** Starts the processes, and does every fault of the plan in an order that the seed gives. */
  run(): Promise<void>;
  /** The share of the load that may have been sent by now; 1 when the faults are over. */
  pace(): number;
  /** The share of the load that was sent: no fault comes before its part of the load. */
  sent(share: number): void;
  readonly failed: boolean;
  /** Stops the processes that are left, in the clean way. */
  end(): Promise<void>;
  counts(): ChaosCounts;
  snapshots(): readonly Finding[];
  verdict(): Finding;
}

/** Who works together in a process; each team runs twice. */
const TEAMS: readonly (readonly string[])[] = [
  ['interactions', 'feedback'],
  ['profiles', 'serve-logs', 'movies'],
];
const MEMBERS = 2;
const EXTRA_MAX = 2;
const SNAPSHOT_EVERY = 15;
/** For the part of the load between two faults. */
const LOAD_MS = 600_000;

type Action = 'kill' | 'rebalance' | 'broker' | 'postgres' | 'terminate' | 'zombie';

export function createChaos(environment: Environment, plan: ChaosPlan, sampler: Sampler): Chaos {
  const random = createRandom(plan.seed ^ 0x5eed);
  const actions = shuffled(plan, random);
  const counts: ChaosCounts = {
    kills: 0,
    joins: 0,
    leaves: 0,
    'broker restarts': 0,
    'Postgres restarts': 0,
    'sessions ended in a COPY': 0,
    zombies: 0,
  };
  const members = createMembers(environment.processes, sampler, random);
  const perform: Readonly<Record<Action, () => Promise<void>>> = {
    ...faultsOfProcesses(members, sampler, random, counts),
    ...faultsOfServers(environment, members, random, counts),
  };
  const findings: Finding[] = [];
  let done = 0;
  let sent = 0;
  let failed = false;

  return {
    async run() {
      for (let i = 0; i < MEMBERS; i++) TEAMS.forEach((team) => members.enlist(team));
      try {
        for (const action of actions) {
          await until(
            'the load to come as far as the faults',
            LOAD_MS,
            () => sent >= done / actions.length,
            () => `${Math.round(100 * sent)} % sent, ${done} of ${actions.length} faults done`,
          );
          await perform[action]();
          done++;
          plan.report(`${done} of ${actions.length}: ${action}`);
          if (done % SNAPSHOT_EVERY === 0) findings.push(await snapshot(environment));
        }
        await members.allAwake();
      } catch (error) {
        failed = true;
        members.replaceNoMore();
        throw new Error(`${(error as Error).message}\n${members.tails(6)}`, { cause: error });
      }
    },
    sent: (share) => {
      sent = share;
    },
    pace: () => (failed ? 1 : Math.min(1, (done + 2) / Math.max(1, actions.length))),
    get failed() {
      return failed;
    },
    end: () => members.stopAll(),
    counts: () => counts,
    snapshots: () => findings,
    verdict() {
      const unasked = members.endedUnasked();
      return {
        check: 'no process ended by itself, and each that was told to did',
        holds: unasked.length === 0,
        found: unasked.slice(0, 3).join('\n'),
      };
    },
  };
}

function faultsOfProcesses(
  members: Members,
  sampler: Sampler,
  random: Random,
  counts: ChaosCounts,
): Record<'kill' | 'rebalance' | 'zombie', () => Promise<void>> {
  /** Processes that joined over those that were there from the start. */
  const extras: RunningProcess[] = [];

  async function kill(): Promise<void> {
    const chosen = await members.atWork();
    if (!members.dismiss(chosen)) return kill();
    chosen.kill('SIGKILL');
    await chosen.exited;
    counts.kills++;
    const extra = extras.indexOf(chosen);
    const next = members.enlist(chosen.processors);
    if (extra >= 0) extras[extra] = next;
  }

  async function join(): Promise<void> {
    const joiner = members.enlist(TEAMS[random.below(TEAMS.length)] as readonly string[]);
    extras.push(joiner);
    counts.joins++;
    // Every other one is left alone to meet the next fault while it joins.
    if (random.next() < 0.5)
      await until('a process that joined to have partitions, or to be killed', MINUTE_MS, () => {
        return joiner.exit() !== null || joiner.count('partition_taken') > 0;
      });
  }

  async function rebalance(): Promise<void> {
    const leaver = extras.length === EXTRA_MAX || random.next() < 0.5 ? extras[0] : undefined;
    if (leaver === undefined || members.isAsleep(leaver)) return join();
    extras.splice(extras.indexOf(leaver), 1);
    if (!members.dismiss(leaver)) return;
    await leaver.stop(MINUTE_MS);
    counts.leaves++;
  }

  async function zombie(): Promise<void> {
    await members.allAwake();
    const chosen = await members.atWork();
    if (!members.has(chosen) || chosen.exit() !== null) return zombie();
    chosen.kill('SIGSTOP');
    const { pid } = chosen;
    members.sleep(
      chosen,
      until('the partitions of a stopped process to be taken over', 90_000, () =>
        [...sampler.latest().values()].every(({ owner }) => ownerPid(owner) !== pid),
      ).finally(() => {
        chosen.kill('SIGCONT');
        counts.zombies++;
      }),
    );
  }

  return { kill, rebalance, zombie };
}

function faultsOfServers(
  environment: Environment,
  members: Members,
  random: Random,
  counts: ChaosCounts,
): Record<'broker' | 'postgres' | 'terminate', () => Promise<void>> {
  return {
    async broker() {
      await members.moment();
      await environment.end('kafka', 'SIGKILL');
      await delay(random.below(2_000));
      await environment.start('kafka');
      counts['broker restarts']++;
    },
    async postgres() {
      await members.atWork();
      // What `pg_ctl stop -m immediate` sends: no checkpoint, recovery at the next start.
      await environment.end('postgres', 'SIGQUIT');
      await delay(random.below(1_000));
      await environment.start('postgres');
      counts['Postgres restarts']++;
    },
    async terminate() {
      await until('a COPY to end in its middle', MINUTE_MS, async () => {
        const ended = await environment.db.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE usename = 'marquee_writer' AND state = 'active' AND query LIKE 'COPY %' LIMIT 1`,
        );
        return ended.length > 0;
      });
      counts['sessions ended in a COPY']++;
    },
  };
}

async function snapshot(environment: Environment): Promise<Finding> {
  return until('a look at the tables', MINUTE_MS, () => checkSnapshot(environment.db));
}

function shuffled(plan: ChaosPlan, random: Random): Action[] {
  const amounts: readonly (readonly [Action, number])[] = [
    ['kill', plan.kills],
    ['rebalance', plan.rebalances],
    ['broker', plan.brokerRestarts],
    ['postgres', plan.postgresRestarts],
    ['terminate', plan.terminations],
    ['zombie', plan.zombies],
  ];
  const actions = amounts.flatMap(([action, count]) => Array<Action>(count).fill(action));
  for (let i = actions.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [actions[i], actions[j]] = [actions[j] as Action, actions[i] as Action];
  }
  return actions;
}
