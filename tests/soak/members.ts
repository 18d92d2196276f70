import { setTimeout as delay } from 'node:timers/promises';
import { MINUTE_MS } from '../../common/time.ts';
import type { Random } from '../../common/random.ts';
import type { Processes, RunningProcess } from '../support/processes.ts';
import type { Sampler } from '../support/scenario/sampler.ts';
import { until } from '../support/until.ts';

/** Members are the processes that are to live: whoever ends unasked is noted and replaced. */
export interface Members {
  /** Starts a process that runs these processors, and keeps one alive. */
  enlist(processors: readonly string[]): RunningProcess;
  /** From now on its end is asked for; false when it was no member any more. */
  dismiss(process: RunningProcess): boolean;
  has(process: RunningProcess): boolean;
  /** Mostly one that committed a batch since it began; now and then whoever is there. */
  atWork(): Promise<RunningProcess>;
  /** A random moment, so that a fault falls anywhere in a batch. */
  moment(): Promise<void>;
  /** It is stopped (SIGSTOP) until `woken` settles. */
  sleep(process: RunningProcess, woken: Promise<unknown>): void;
  isAsleep(process: RunningProcess): boolean;
  /** Waits for those that are stopped; throws when one could not be woken as it should. */
  allAwake(): Promise<void>;
  replaceNoMore(): void;
  /** Stops all in the clean way. */
  stopAll(): Promise<void>;
  /** How each ended that was not told to, or was told to and had to be forced. */
  endedUnasked(): readonly string[];
  /** The ends of their logs. */
  tails(lines: number): string;
}

const MOMENT_MS = 300;
const AT_WORK_WITHIN_MS = 90_000;

export function createMembers(processes: Processes, sampler: Sampler, random: Random): Members {
  const members = new Set<RunningProcess>();
  const sleeping = new Map<RunningProcess, Promise<void>>();
  const unasked: string[] = [];
  let replaces = true;

  function enlist(processors: readonly string[]): RunningProcess {
    const process = processes.start({ processors });
    members.add(process);
    void process.exited.then((exit) => {
      if (!members.delete(process)) return;
      unasked.push(`${JSON.stringify(exit)}\n${process.tail(8)}`);
      if (replaces) enlist(processors);
    });
    return process;
  }

  const moment = (): Promise<void> => delay(random.below(MOMENT_MS));

  return {
    enlist,
    moment,
    dismiss: (process) => members.delete(process),
    has: (process) => members.has(process),
    async atWork() {
      const atWork = random.next() < 0.85;
      const pick = random.next();
      const found = await until('a process at work', AT_WORK_WITHIN_MS, () => {
        const awake = [...members].filter((p) => !sleeping.has(p));
        const able = awake.filter((p) => !atWork || sampler.progressOf(p.pid) > 0);
        return able[Math.floor(pick * able.length)];
      });
      await moment();
      return found;
    },
    sleep(process, woken) {
      const awake = woken
        .then(() => undefined)
        .finally(() => {
          sleeping.delete(process);
        });
      sleeping.set(process, awake);
      awake.catch(() => undefined); // awaited before the next one and at the end
    },
    isAsleep: (process) => sleeping.has(process),
    async allAwake() {
      await Promise.all(sleeping.values());
    },
    replaceNoMore() {
      replaces = false;
    },
    async stopAll() {
      const left = [...members];
      members.clear();
      await Promise.all(left.map((p) => p.stop(MINUTE_MS)));
      for (const forced of processes.all())
        if (forced.count('exit_forced') > 0) unasked.push(forced.tail(3));
    },
    endedUnasked: () => unasked,
    tails: (lines) => [...members].map((p) => p.tail(lines)).join('\n'),
  };
}
