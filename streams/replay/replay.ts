import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sqlState } from '../../connectors/postgres/errors.ts';
import { openSession } from '../../connectors/postgres/session.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { compareDeadLetters, compareLedgers, compareTables } from './compare-tables.ts';
import type { TableComparison } from './compare-tables.ts';
import type { Processor } from '../runtime/processor.ts';
import { refused } from './replay-plan.ts';
import type { ReplayOptions, ReplayProgress } from './replay-options.ts';
import type { ReplayStart } from './replay-plan.ts';
import { limitsOf, beginReplay } from './replay-starts.ts';
import { startReplayProcess } from './replay-process.ts';
import type { ReplayProcess } from './replay-process.ts';
import {
  completeCopies,
  copyEarlierRows,
  dropCopies,
  finishReplay,
  lockReplays,
  readPositions,
} from './shadow-tables.ts';
import type { Positions, ShadowPlace } from './shadow-tables.ts';

export interface ReplayReport {
  readonly processor: string;
  readonly swapped: boolean;
  readonly starts: readonly ReplayStart[];
  /** Where live and replay stood when they were alike. */
  readonly positions: Positions;
  readonly copiedRows: number;
  readonly carriedOver: number;
  /** Tables, when comparing; ledger and dead letters of the replayed range, always. Left is live. */
  readonly comparisons: readonly TableComparison[];
  readonly seconds: number;
}

/** How far behind the replay may be when the live processor is made to wait for it. */
const CLOSE_ENOUGH_OFFSETS = 50_000;
/** Well below the statement timeout of the batches that wait meanwhile. */
const ALIGN_MS = 8_000;
const ATTEMPTS = 20;
const POLL_MS = 200;
const ALIGN_POLL_MS = 20;
const RETRY_MS = 1_000;

/**
 * Rebuilds a processor's tables from the log beside the live ones, by the runtime itself, and when
 * both stand at the same offsets lets them change places in one transaction. The live processor may
 * run on: it waits for the moment in which offsets are compared, and goes on with the new tables.
 * Throws MarqueeError: MARQUEE_REPLAY_REFUSED with the reason, MARQUEE_REPLAY_RUNNING,
 * MARQUEE_REPLAY_BEHIND, MARQUEE_REPLAY_CANCELLED; then nothing has changed.
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const started = performance.now();
  const { processor, history } = options;
  const control = await open(options, 'control');
  const work = await open(options, 'work');
  let prepared = false;
  let leave = options.keep === true;
  let run: ReplayProcess | null = null;
  try {
    if (!(await lockReplays(control)))
      throw new MarqueeError(
        'MARQUEE_REPLAY_RUNNING',
        'another replay or rebuild is under way, and there is one schema for copies: wait for it, ' +
          'or end it',
      );
    const place = await placeOf(control, processor);
    prepared = true;
    const starts = await beginReplay(options, work, place);
    progress(options, 'copying', 0, 0);
    const copiedRows = await copyEarlierRows(work, processor, place, starts);
    await history?.fill(place, (done, due) => {
      progress(options, 'reading the archive', done, due);
    });
    const limits = await limitsOf(options, work, place);
    run = await startReplayProcess(options, place, starts, limits);
    const parts = { control, work, place, starts, run };
    const follows = options.mode !== 'build' && options.until === undefined;
    const end = follows ? await runToEnd(options, parts) : await runTo(options, parts, limits);
    leave ||= options.mode === 'build';
    return {
      processor: processor.name,
      swapped: options.mode === 'swap',
      starts,
      copiedRows,
      ...end,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await run?.stop();
    if (control.usable()) await control.execute('ROLLBACK');
    if (work.usable()) {
      await work.execute('ROLLBACK');
      if (prepared && !leave)
        await dropCopies(work, processor).catch((error: unknown) => {
          // The next replay drops them.
          options.log.warn({
            event: 'copies_left',
            processor: processor.name,
            reason: String(error),
          });
        });
    }
    await work.close();
    await control.close();
  }
}

function open({ processor, postgresUrl }: ReplayOptions, what: string): Promise<Session> {
  return openSession({
    url: postgresUrl,
    applicationName: `marquee-replay-${what}-${processor.name}`,
  });
}

async function placeOf(session: Session, processor: Processor): Promise<ShadowPlace> {
  const [row] = await session.query<{ live: string; replayed: string }>(
    `SELECT quote_ident(current_schema()) AS live,
       quote_ident(current_schema() || '_replay') AS replayed`,
  );
  if (row === undefined) throw new Error('no current schema');
  return {
    processor: processor.name,
    consumerName: `${processor.name}.replay-${randomBytes(3).toString('hex')}`,
    topic: processor.source.topic,
    ...row,
  };
}

const livePositions = (session: Session, place: ShadowPlace, lock: '' | 'FOR UPDATE' = '') =>
  readPositions(session, place.live, place.processor, place.topic, lock);

const replayedPositions = (session: Session, place: ShadowPlace) =>
  readPositions(session, place.replayed, place.consumerName, place.topic);

interface Parts {
  /** Holds the lock on the live offsets, and swaps. */
  readonly control: Session;
  readonly work: Session;
  readonly place: ShadowPlace;
  readonly starts: readonly ReplayStart[];
  readonly run: ReplayProcess;
}

type End = Pick<ReplayReport, 'positions' | 'carriedOver' | 'comparisons'>;

async function runToEnd(options: ReplayOptions, parts: Parts): Promise<End> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    await catchUp(options, parts);
    const end = await endAligned(options, parts);
    if (end !== null) return end;
    await delay(Math.min(attempt, 10) * RETRY_MS); // the live processor waited; now it works
  }
  throw new MarqueeError(
    'MARQUEE_REPLAY_BEHIND',
    `the replay of ${parts.place.processor} could not stand where the live processor stands in ` +
      `${ATTEMPTS} tries of ${ALIGN_MS / 1000} s, or its tables were in use: try when there is ` +
      'less traffic, and end long queries on them',
    { retriable: true },
  );
}

export function assertWanted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new MarqueeError('MARQUEE_REPLAY_CANCELLED', 'it was ended; nothing changed');
}

/** To fixed positions; the live processor is not waited for. */
async function runTo(
  options: ReplayOptions,
  { work, place, starts, run }: Parts,
  limits: Positions,
): Promise<End> {
  const { processor, until } = options;
  const ends = starts.map(({ partition, from }) => ({
    partition,
    from,
    to: Math.max(from, limits.get(partition) ?? from),
  }));
  for (;;) {
    run.check();
    assertWanted(options.signal);
    const now = await replayedPositions(work, place);
    const due = ends.reduce((sum, { from, to }) => sum + to - from, 0);
    const left = ends.reduce((sum, { partition, from, to }) => {
      return sum + Math.max(0, to - (now.get(partition) ?? from));
    }, 0);
    progress(options, 'replaying', due - left, due);
    if (left === 0) break;
    await delay(POLL_MS);
  }
  const carriedOver = await completeCopies(work, processor, place);
  return {
    positions: limits,
    carriedOver,
    comparisons:
      options.mode === 'build'
        ? []
        : await compareTables(work, {
            left: place.live,
            right: place.replayed,
            tables: processor.tables,
            leaveOut: processor.derivedColumns ?? [],
            where: `received_at < to_timestamp(${String(until)} / 1000.0)`,
          }),
  };
}

/** Follows the live processor until little is left. */
async function catchUp(options: ReplayOptions, { work, place, starts, run }: Parts): Promise<void> {
  for (;;) {
    run.check();
    assertWanted(options.signal);
    const limits = await livePositions(work, place);
    run.raise(limits);
    const now = await replayedPositions(work, place);
    let done = 0;
    let due = 0;
    for (const { partition, from } of starts) {
      due += (limits.get(partition) ?? from) - from;
      done += Math.max(0, (now.get(partition) ?? from) - from);
    }
    progress(options, 'replaying', done, due);
    if (due - done <= CLOSE_ENOUGH_OFFSETS) return;
    await delay(POLL_MS);
  }
}

/**
 * Makes the live processor wait until the replay stands where it stands, then compares or swaps.
 * Null when that took too long or the tables were locked by others: then it is tried again.
 */
async function endAligned(options: ReplayOptions, parts: Parts): Promise<End | null> {
  const { control, work, place, starts, run } = parts;
  const { processor } = options;
  try {
    await control.execute('BEGIN');
    await control.execute(`SET LOCAL lock_timeout = '${ALIGN_MS}ms'`);
    const positions = await livePositions(control, place, 'FOR UPDATE');
    run.raise(positions);
    if (!(await reach(parts, positions))) {
      await control.execute('ROLLBACK');
      return null;
    }
    const carriedOver = await completeCopies(work, processor, place);
    progress(options, options.mode === 'swap' ? 'swapping' : 'comparing', 1, 1);
    if (options.mode === 'compare') {
      await work.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await livePositions(work, place); // the snapshot: from here on live may go on
      await control.execute('ROLLBACK');
      return {
        positions,
        carriedOver,
        comparisons: await compareAll(work, processor, place, starts),
      };
    }
    const comparisons = await compareAccounts(work, place, starts);
    await finishReplay(control, processor, place);
    await options.history?.swapped(control);
    await control.execute('COMMIT');
    return { positions, carriedOver, comparisons };
  } catch (error) {
    if (!control.usable()) throw error;
    await control.execute('ROLLBACK');
    const state = sqlState(error);
    // Somebody reads the tables, or a batch and this waited for each other.
    if (state === '55P03' || state === '40P01') return null;
    if (state === '55000' || state === '2BP01')
      throw refused(error instanceof Error ? error.message : String(error));
    throw error;
  }
}

async function reach({ work, place, run }: Parts, positions: Positions): Promise<boolean> {
  const until = Date.now() + ALIGN_MS;
  while (Date.now() < until) {
    run.check();
    const now = await replayedPositions(work, place);
    if ([...positions].every(([partition, next]) => now.get(partition) === next)) return true;
    await delay(ALIGN_POLL_MS);
  }
  return false;
}

async function compareAccounts(
  session: Session,
  place: ShadowPlace,
  starts: readonly ReplayStart[],
): Promise<TableComparison[]> {
  const from = new Map(starts.map((start) => [start.partition, start.ledgerFrom]));
  const live = { schema: place.live, processor: place.processor };
  const replayed = { schema: place.replayed, processor: place.consumerName };
  return [
    await compareLedgers(session, live, replayed, from),
    await compareDeadLetters(session, live, replayed, from),
  ];
}

async function compareAll(
  session: Session,
  processor: Processor,
  place: ShadowPlace,
  starts: readonly ReplayStart[],
): Promise<TableComparison[]> {
  const tables = await compareTables(session, {
    left: place.live,
    right: place.replayed,
    tables: processor.tables,
    leaveOut: processor.derivedColumns ?? [],
  });
  return [...tables, ...(await compareAccounts(session, place, starts))];
}

function progress(
  { onProgress }: ReplayOptions,
  phase: ReplayProgress['phase'],
  done: number,
  due: number,
): void {
  onProgress?.({ phase, done, due });
}
