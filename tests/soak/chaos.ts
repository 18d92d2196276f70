import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, type Random } from '../../common/random.ts';
import { checkSnapshot, type Finding } from '../support/scenario/checks.ts';
import type { RunningProcess } from '../support/processes.ts';
import { ownerPid, type Sampler } from '../support/scenario/sampler.ts';
import { until } from '../support/until.ts';
import type { Environment } from '../support/faults/environment.ts';
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
/** A fault falls at a random moment of this, once its target is at work. */
const MOMENT_MS = 300;
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
  const members = new Set<RunningProcess>();
  const extras: RunningProcess[] = [];
  const sleeping = new Map<RunningProcess, Promise<void>>();
  const byThemselves: string[] = [];
  const findings: Finding[] = [];
  let done = 0;
  let sent = 0;
  let failed = false;

  /** Keeps a process of this team alive: whoever ends unasked is noted and replaced. */
  function enlist(team: readonly string[]): RunningProcess {
    const process = environment.processes.start({ processors: team });
    members.add(process);
    void process.exited.then((exit) => {
      if (!members.delete(process)) return;
      byThemselves.push(`${JSON.stringify(exit)}\n${process.tail(8)}`);
      if (!failed) enlist(team);
    });
    return process;
  }

  const awake = (): RunningProcess[] => [...members].filter((p) => !sleeping.has(p));
  const moment = (): Promise<void> => delay(random.below(MOMENT_MS));

  /** Mostly one that committed a batch since it began; now and then whoever is there. */
  async function target(): Promise<RunningProcess> {
    const atWork = random.next() < 0.85;
    const pick = random.next();
    const found = await until('a process at work', 90_000, () => {
      const able = awake().filter((p) => !atWork || sampler.progressOf(p.pid) > 0);
      return able[Math.floor(pick * able.length)];
    });
    await moment();
    return found;
  }

  async function kill(): Promise<void> {
    const chosen = await target();
    if (!members.delete(chosen)) return kill();
    chosen.kill('SIGKILL');
    await chosen.exited;
    counts.kills++;
    const extra = extras.indexOf(chosen);
    const next = enlist(chosen.processors);
    if (extra >= 0) extras[extra] = next;
  }

  async function rebalance(): Promise<void> {
    const leaver = extras.length === EXTRA_MAX || random.next() < 0.5 ? extras[0] : undefined;
    if (leaver === undefined || sleeping.has(leaver)) {
      const team = TEAMS[random.below(TEAMS.length)] as readonly string[];
      const joiner = enlist(team);
      extras.push(joiner);
      counts.joins++;
      // Every other one is left alone to meet the next fault while it joins.
      if (random.next() < 0.5)
        await until('a process that joined to have partitions, or to be killed', MINUTE_MS, () => {
          return joiner.exit() !== null || joiner.count('partition_taken') > 0;
        });
      return;
    }
    extras.splice(extras.indexOf(leaver), 1);
    if (!members.delete(leaver)) return;
    await leaver.stop(MINUTE_MS);
    counts.leaves++;
  }

  async function broker(): Promise<void> {
    await moment();
    await environment.end('kafka', 'SIGKILL');
    await delay(random.below(2_000));
    await environment.start('kafka');
    counts['broker restarts']++;
  }

  async function postgres(): Promise<void> {
    await target();
    // What `pg_ctl stop -m immediate` sends: no checkpoint, recovery at the next start.
    await environment.end('postgres', 'SIGQUIT');
    await delay(random.below(1_000));
    await environment.start('postgres');
    counts['Postgres restarts']++;
  }

  async function terminate(): Promise<void> {
    await until('a COPY to end in its middle', MINUTE_MS, async () => {
      const ended = await environment.db.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE usename = 'marquee_writer' AND state = 'active' AND query LIKE 'COPY %' LIMIT 1`,
      );
      return ended.length > 0;
    });
    counts['sessions ended in a COPY']++;
  }

  async function zombie(): Promise<void> {
    await Promise.all(sleeping.values());
    const chosen = await target();
    if (!members.has(chosen) || chosen.exit() !== null) return zombie();
    chosen.kill('SIGSTOP');
    const { pid } = chosen;
    const woken = until('the partitions of a stopped process to be taken over', 90_000, () =>
      [...sampler.latest().values()].every(({ owner }) => ownerPid(owner) !== pid),
    )
      .then(() => undefined)
      .finally(() => {
        chosen.kill('SIGCONT');
        counts.zombies++;
        sleeping.delete(chosen);
      });
    sleeping.set(chosen, woken);
    woken.catch(() => undefined); // awaited before the next one and at the end
  }

  const perform: Readonly<Record<Action, () => Promise<void>>> = {
    kill,
    rebalance,
    broker,
    postgres,
    terminate,
    zombie,
  };

  return {
    async run() {
      for (let i = 0; i < MEMBERS; i++) TEAMS.forEach(enlist);
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
        await Promise.all(sleeping.values());
      } catch (error) {
        failed = true;
        const tails = [...members].map((p) => p.tail(6)).join('\n');
        throw new Error(`${(error as Error).message}\n${tails}`, { cause: error });
      }
    },
    sent: (share) => {
      sent = share;
    },
    pace: () => (failed ? 1 : Math.min(1, (done + 2) / Math.max(1, actions.length))),
    get failed() {
      return failed;
    },
    async end() {
      const left = [...members];
      members.clear();
      await Promise.all(left.map((p) => p.stop(MINUTE_MS)));
      for (const forced of environment.processes.all())
        if (forced.count('exit_forced') > 0) byThemselves.push(forced.tail(3));
    },
    counts: () => counts,
    snapshots: () => findings,
    verdict: () => ({
      check: 'no process ended by itself, and each that was told to did',
      holds: byThemselves.length === 0,
      found: byThemselves.slice(0, 3).join('\n'),
    }),
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
