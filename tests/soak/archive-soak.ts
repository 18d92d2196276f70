import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, type Random } from '../../common/random.ts';
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
  const fixture = await createArchiveFixture(environment, {
    seed: plan.seed,
    rowsMax: Math.max(50, Math.round(plan.events / 800)),
    users: plan.users,
    catchUpMs: 120_000 + plan.events / 5,
    storeTimeoutMs: STORE_TIMEOUT_MS,
  });
  try {
    const blows = createBlows(fixture, plan);
    await blows.finish(null);
    await archivePortions(fixture, plan, blows);
    plan.report('a backlog, with the archive not run at all');
    await archiveBacklog(fixture, plan, blows);
    await fixture.finish({ command: COMPACT });
    plan.report('holding the archive against the log, and against a run without faults');
    const { findings, rows } = await judge(fixture, blows);
    return { findings, summary: await summarise(fixture, plan, blows, { findings, rows, began }) };
  } finally {
    await fixture.close();
  }
}

type Ended = (typeof ENDED)[number];

/** What is done to runs of the archive, with the account of it. */
interface Blows {
  readonly done: Record<'kills' | 'placed' | 'early' | 'audits' | 'remade' | 'restarts', number>;
  /** What did not balance. */
  readonly broken: readonly string[];
  peakBytes(): number;
  /** A run to its end, which the end of a server in its middle must not end. */
  finish(disturb: Ended | null): Promise<void>;
  /** Kills a run; what it left must balance. Returns what is in the store and not listed. */
  strike(): Promise<ReadonlyMap<string, string>>;
  /** What killed runs had put there, the rerun must have put again with the same bytes. */
  remade(left: ReadonlyMap<string, string>): Promise<void>;
  audited(when: string): Promise<void>;
}

function createBlows(fixture: ArchiveFixture, plan: ArchiveSoakPlan): Blows {
  const { environment } = fixture;
  const random = createRandom(plan.seed ^ 0xa7c417e);
  const memory = watchMemory();
  const broken: string[] = [];
  const done = { kills: 0, placed: 0, early: 0, audits: 0, remade: 0, restarts: 0 };
  let usualMs = 3_000;
  const places = turns(random, () => usualMs);

  async function audited(when: string): Promise<void> {
    done.audits++;
    for (const finding of await fixture.findings())
      broken.push(`${when}: ${finding.check}: ${finding.place}: ${finding.detail}`);
  }

  return {
    done,
    broken,
    peakBytes: () => memory.peak(),
    audited,
    async finish(disturb) {
      const started = performance.now();
      const run = memory.watch(fixture.run());
      if (disturb !== null) {
        await delay(usualMs / 4 + random.below(usualMs / 2));
        await environment.end(disturb, disturb === 'postgres' ? 'SIGQUIT' : 'SIGKILL');
        await delay(random.below(1_000));
        await environment.start(disturb);
        await environment.db.patient('SELECT');
        done.restarts++;
      }
      const end = await run.died(RUN_MS);
      if (end.code !== 0) broken.push(`a rerun ended with ${JSON.stringify(end)}\n${run.tail(6)}`);
      if (disturb === null) usualMs = performance.now() - started;
    },
    async strike() {
      const kill = places();
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
          `${done.kills} of ${plan.kills} kills, ${done.audits} audits, ${broken.length} ` +
            `findings; last: ${kill.name}; a run takes ${(usualMs / 1000).toFixed(1)} s`,
        );
      return fixture.unlisted();
    },
    async remade(left) {
      for (const [path, sha] of left) {
        if (sha256(await fixture.store.get(path)) === sha) done.remade++;
        else broken.push(`${path} has other bytes after the rerun`);
      }
    },
  };
}

async function archivePortions(
  fixture: ArchiveFixture,
  plan: ArchiveSoakPlan,
  blows: Blows,
): Promise<void> {
  const portions = Math.ceil((plan.kills * (1 - BACKLOG_SHARE)) / 2);
  const size = Math.ceil((plan.events * (1 - BACKLOG_SHARE)) / portions);
  const restarts = ENDED.length * plan.restarts;
  const restartEvery = Math.max(1, Math.floor(portions / (restarts + 1)));
  for (let portion = 1; portion <= portions; portion++) {
    await fixture.receive(STEP_HOURS, size);
    // The run that finds a killed one's plan is killed as well.
    const left = new Map([...(await blows.strike()), ...(await blows.strike())]);
    const turn = portion / restartEvery;
    const disturbed = Number.isInteger(turn) && turn <= restarts;
    await blows.finish(disturbed ? (ENDED[(turn - 1) % ENDED.length] ?? null) : null);
    await blows.remade(left);
    await blows.audited(`after the rerun (kill ${blows.done.kills})`);
  }
}

async function archiveBacklog(
  fixture: ArchiveFixture,
  plan: ArchiveSoakPlan,
  blows: Blows,
): Promise<void> {
  const size = Math.ceil((plan.events * BACKLOG_SHARE) / BACKLOG_PORTIONS);
  for (let n = 0; n < BACKLOG_PORTIONS; n++) await fixture.receive(STEP_HOURS, size);
  const left = new Map<string, string>();
  while (blows.done.kills < plan.kills) {
    const { early } = blows.done;
    for (const [path, sha] of await blows.strike()) left.set(path, sha);
    // A run that ended before its blow leaves nothing for the next: then a little more is due.
    if (blows.done.early > early) await fixture.receive(1, 2_000);
  }
  await blows.finish(null);
  await blows.remade(left);
}

async function judge(
  fixture: ArchiveFixture,
  { done, broken }: Blows,
): Promise<{ findings: readonly Finding[]; rows: number }> {
  const { findings: equal, rows } = await compareWithLog(fixture);
  const findings = [
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
  return { findings, rows };
}

async function summarise(
  { scenario: { expected }, environment }: ArchiveFixture,
  plan: ArchiveSoakPlan,
  { done, peakBytes }: Blows,
  { findings, rows, began }: { findings: readonly Finding[]; rows: number; began: number },
): Promise<string> {
  const ends = await logEnds(environment.brokers, 'user-actions.v1');
  const held = findings.filter(({ holds }) => holds).length;
  return (
    `soak --archive: seed ${plan.seed}: ${ends.reduce((sum, n) => sum + n, 0)} records ` +
    `(${expected.count('interactions', 'duplicate')} resent, ` +
    `${expected.count('interactions', 'too_late')} too late, ${expected.dead.length} bad); ` +
    `${done.kills} kills (${done.placed} placed, ${done.kills - done.placed} random), ` +
    `${done.restarts} restarts (store, Postgres, broker in turn); ${done.audits} audits; ` +
    `${done.remade} objects made again alike; ${rows} rows archived; ` +
    `peak ${(peakBytes() / 2 ** 20).toFixed(0)} MB; ` +
    `${held} of ${findings.length} checks hold; ${Math.round((Date.now() - began) / 1000)} s`
  );
}

/** The places in turn, and after each of them a random moment. */
function turns(random: Random, usualMs: () => number): () => ArchiveKill {
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
