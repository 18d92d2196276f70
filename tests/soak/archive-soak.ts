import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../../common/random.ts';
import { compareWithLog } from '../support/archive/equals.ts';
import { ARCHIVE_KILLS, COMPACT, atRandom, type ArchiveKill } from '../support/archive/kills.ts';
import { createArchiveFixture, sha256, type ArchiveFixture } from '../support/archive/fixture.ts';
import { compareWithSecondRun } from '../support/archive/second-run.ts';
import { same, type Finding } from '../support/scenario/checks.ts';
import type { RunningProcess } from '../support/processes.ts';
import { peakResidentBytes } from '../support/procfs.ts';
import { logEnds } from '../support/read-topic.ts';
import type { Environment } from '../support/faults/environment.ts';
import { HOUR_MS } from '../../common/time.ts';

export interface ArchiveSoakPlan {
  readonly seed: number;
  /** User actions; resends and bad ones come on top. */
  readonly events: number;
  readonly kills: number;
  /** SIGKILLs of the store and of the broker, and immediate stops of Postgres, so many of each. */
  readonly restarts: number;
  readonly users: number;
  report(line: string): void;
}

export interface ArchiveSoakReport {
  readonly findings: readonly Finding[];
  readonly summary: string;
}

/** Hours from one portion to the next: all 30 are eleven days. */
const STEP_HOURS = 9;
/** Of the events, what comes while the archive is not run at all. */
const BACKLOG_SHARE = 0.2;
const BACKLOG_PORTIONS = 10;
const REPORT_EVERY = 5;
const RUN_MS = 600_000;
const STORE_TIMEOUT_MS = 20_000;
const SHORTEST_RUN_MS = 1_000;
/** Ended in the middle of a run, in turn. */
const ENDED = ['object-store', 'postgres', 'kafka'] as const;

/**
 * Portions of a log are archived by runs that are killed, at the places of the source in turn and
 * at random moments; each is audited as it lies. A rerun finishes, and is audited. At the end
 * a backlog is archived under the same blows. Expects an empty environment.
 */
export async function runArchiveSoak(
  environment: Environment,
  plan: ArchiveSoakPlan,
): Promise<ArchiveSoakReport> {
  const began = Date.now();
  const random = createRandom(plan.seed ^ 0xa7c417e);
  const fixture = await createArchiveFixture(environment, {
    seed: plan.seed,
    rowsMax: Math.max(50, Math.round(plan.events / 800)),
    users: plan.users,
    catchUpMs: 120_000 + plan.events / 5,
    storeTimeoutMs: STORE_TIMEOUT_MS,
  });
  const memory = watchMemory();
  const broken: string[] = [];
  const done = { kills: 0, placed: 0, early: 0, audits: 0, remade: 0, restarts: 0 };
  let usualMs = 3_000;

  const audited = async (when: string): Promise<void> => {
    done.audits++;
    for (const finding of await fixture.findings())
      broken.push(`${when}: ${finding.check}: ${finding.place}: ${finding.detail}`);
  };

  /** A run that somebody else's end must not end. */
  async function finish(disturb: (typeof ENDED)[number] | null): Promise<void> {
    const started = performance.now();
    const run = memory.watch(fixture.run());
    if (disturb !== null) {
      await delay(usualMs / 4 + random.below(usualMs / 2));
      await environment.end(disturb, disturb === 'postgres' ? 'SIGQUIT' : 'SIGKILL');
      await delay(random.below(1_000));
      await environment.start(disturb);
      await environment.db.patient('SELECT');
    }
    const end = await run.died(RUN_MS);
    if (end.code !== 0) broken.push(`a rerun ended with ${JSON.stringify(end)}\n${run.tail(6)}`);
    if (disturb === null) usualMs = performance.now() - started;
  }

  /** Kills a run; what it left must balance. */
  async function strike(kill: ArchiveKill): Promise<ReadonlyMap<string, string>> {
    if (!(await kill.strike(fixture))) {
      done.early++;
      // It was quicker than the last one.
      usualMs = Math.max(SHORTEST_RUN_MS, usualMs / 2);
      return new Map();
    }
    done.kills++;
    if (!kill.name.includes('random')) done.placed++;
    await audited(`killed ${kill.name} (kill ${done.kills})`);
    if (done.kills % REPORT_EVERY === 0)
      plan.report(
        `${done.kills} of ${plan.kills} kills, ${done.audits} audits, ${broken.length} findings; ` +
          `last: ${kill.name}; a run takes ${(usualMs / 1000).toFixed(1)} s`,
      );
    return fixture.unlisted();
  }

  /** What a killed run had put there, the rerun put again with the same bytes. */
  async function remade(left: ReadonlyMap<string, string>): Promise<void> {
    for (const [path, sha] of left) {
      if (sha256(await fixture.store.get(path)) === sha) done.remade++;
      else broken.push(`${path} has other bytes after the rerun`);
    }
  }

  try {
    const places = turns(random, () => usualMs);
    const portions = Math.ceil((plan.kills * (1 - BACKLOG_SHARE)) / 2);
    const size = Math.ceil((plan.events * (1 - BACKLOG_SHARE)) / portions);
    const restarts = ENDED.length * plan.restarts;
    const restartEvery = Math.max(1, Math.floor(portions / (restarts + 1)));
    await finish(null);
    for (let portion = 1; portion <= portions; portion++) {
      await fixture.receive(STEP_HOURS, size);
      // The run that finds a killed one's plan is killed as well.
      const left = new Map([...(await strike(places())), ...(await strike(places()))]);
      const turn = portion / restartEvery;
      const disturbed = Number.isInteger(turn) && turn <= restarts;
      await finish(disturbed ? (ENDED[(turn - 1) % ENDED.length] ?? null) : null);
      if (disturbed) done.restarts++;
      await remade(left);
      await audited(`after the rerun (kill ${done.kills})`);
    }
    plan.report('a backlog, with the archive not run at all');
    for (let n = 0; n < BACKLOG_PORTIONS; n++)
      await fixture.receive(
        STEP_HOURS,
        Math.ceil((plan.events * BACKLOG_SHARE) / BACKLOG_PORTIONS),
      );
    const left = new Map<string, string>();
    while (done.kills < plan.kills) {
      const early = done.early;
      for (const [path, sha] of await strike(places())) left.set(path, sha);
      // A run that ended before its blow leaves nothing for the next: then a little more is due.
      if (done.early > early) await fixture.receive(1, 2_000);
    }
    await finish(null);
    await remade(left);
    await fixture.finish({ command: COMPACT });

    plan.report('holding the archive against the log, and against a run without faults');
    const { findings: equal, rows } = await compareWithLog(fixture);
    const findings: Finding[] = [
      {
        check: `each of ${done.audits} audits balanced, of killed runs as they lay and of reruns`,
        holds: broken.length === 0,
        found: broken.slice(0, 5).join('\n'),
      },
      ...equal,
      await compareWithSecondRun(fixture),
      same('the audit of all of it finds nothing', await fixture.findings(true), []),
      same('no object is in the store that is not listed', [...(await fixture.unlisted())], []),
      await windowIsHot(fixture),
    ];
    const held = findings.filter(({ holds }) => holds).length;
    const { expected } = fixture.scenario;
    const ends = await logEnds(environment.brokers, 'user-actions.v1');
    const summary =
      `soak --archive: seed ${plan.seed}: ${ends.reduce((sum, n) => sum + n, 0)} records ` +
      `(${expected.count('interactions', 'duplicate')} resent, ` +
      `${expected.count('interactions', 'too_late')} too late, ${expected.dead.length} bad); ` +
      `${done.kills} kills (${done.placed} placed, ${done.kills - done.placed} random), ` +
      `${done.restarts} restarts (store, Postgres, broker in turn); ${done.audits} audits; ` +
      `${done.remade} objects made again alike; ${rows} rows archived; ` +
      `peak ${(memory.peak() / 2 ** 20).toFixed(0)} MB; ` +
      `${held} of ${findings.length} checks hold; ${Math.round((Date.now() - began) / 1000)} s`;
    return { findings, summary };
  } finally {
    await fixture.close();
  }
}

/** The places in turn, and after each of them a random moment. */
function turns(random: ReturnType<typeof createRandom>, usualMs: () => number): () => ArchiveKill {
  let n = 0;
  const anywhere = atRandom(random, usualMs);
  return () => {
    const kill = n % 2 === 0 ? ARCHIVE_KILLS[(n / 2) % ARCHIVE_KILLS.length] : anywhere;
    n++;
    return kill as ArchiveKill;
  };
}

async function windowIsHot(fixture: ArchiveFixture): Promise<Finding> {
  const [row] = await fixture.environment.db.query<{ last: Date; dropped: number }>(
    'SELECT max(hour) AS last, sum(rows)::bigint AS dropped FROM dropped_accounts',
  );
  const windowBegins = fixture.time() - 48 * HOUR_MS;
  return {
    check: `${row?.dropped ?? 0} rows were dropped, none of them of the last 48 hours`,
    holds: row !== undefined && row.dropped > 0 && row.last.getTime() < windowBegins,
    found: JSON.stringify(row),
  };
}

const LOOK_MS = 50;

/** The most memory that a watched process had resident. Linux. */
function watchMemory() {
  let peak = 0;
  return {
    peak: () => peak,
    watch(process: RunningProcess): RunningProcess {
      const timer = setInterval(() => {
        peak = Math.max(peak, peakResidentBytes(process.pid));
      }, LOOK_MS);
      void process.exited.then(() => clearInterval(timer));
      return process;
    },
  };
}
