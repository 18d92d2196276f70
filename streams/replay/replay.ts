import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import type { Processor } from '../runtime/processor.ts';
import { ALIGN_MS, endAligned } from './align.ts';
import { compareProcessorTables } from './compare-replay.ts';
import { catchUp, reachLimits } from './follow.ts';
import type { ReplayOptions } from './replay-options.ts';
import { refused } from './replay-plan.ts';
import type { ReplayStart } from './replay-plan.ts';
import { startReplayProcess } from './replay-process.ts';
import type { ReplayProcess } from './replay-process.ts';
import { openReplaySession, tellProgress } from './replay-context.ts';
import type { ReplayEnd, ReplayContext } from './replay-context.ts';
import { beginReplay, limitsOf } from './replay-starts.ts';
import { completeCopies, copyEarlierRows, dropCopies, lockReplays } from './shadow-tables.ts';
import type { Positions, ShadowPlace } from './shadow-tables.ts';

export interface ReplayReport {
  readonly processor: string;
  readonly swapped: boolean;
  readonly starts: readonly ReplayStart[];
  /** Positions at which live and replay were alike. */
  readonly positions: Positions;
  readonly copiedRows: number;
  readonly carriedOver: number;
  /**
   * Tables, when comparing; ledger and dead letters of the replayed range, always. Left is live.
   */
  readonly comparisons: ReplayEnd['comparisons'];
  readonly seconds: number;
}

const ATTEMPTS = 20;
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
  const { processor, mode } = options;
  if (processor.tables.length === 0)
    throw refused(`${processor.name} has no tables: what it writes is made anew by itself`);
  const control = await openReplaySession(options, 'control');
  const work = await openReplaySession(options, 'work');
  let hasCopies = false;
  let process: ReplayProcess | null = null;
  let ended = false;
  try {
    await lock(control);
    const place = await placeOf(control, processor);
    hasCopies = true;
    const starts = await beginReplay(options, work, place);
    const copiedRows = await fillCopies(options, work, place, starts);
    const limits = await limitsOf(options, work, place);
    process = await startReplayProcess(options, place, starts, limits);
    const context = { control, work, place, starts, process };
    const follows = mode !== 'build' && options.until === undefined;
    const end = await (follows
      ? endWithLive(options, context)
      : endAtLimits(options, context, limits));
    ended = true;
    return {
      processor: processor.name,
      swapped: mode === 'swap',
      starts,
      copiedRows,
      ...end,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await process?.stop();
    const leave = options.keep === true || (ended && mode === 'build');
    if (hasCopies && !leave && work.usable()) await dropOrLeave(options, work);
    await work.close();
    await control.close();
  }
}

async function lock(session: Session): Promise<void> {
  if (!(await lockReplays(session)))
    throw new MarqueeError(
      'MARQUEE_REPLAY_RUNNING',
      'another replay or rebuild is under way, and there is one schema for copies: wait for it, ' +
        'or end it',
    );
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

/**
 * Puts into the copies what lies before the starts; returns the rows copied from the live tables.
 */
async function fillCopies(
  options: ReplayOptions,
  work: Session,
  place: ShadowPlace,
  starts: readonly ReplayStart[],
): Promise<number> {
  tellProgress(options, 'copying', 0, 0);
  const copiedRows = await copyEarlierRows(work, options.processor, place, starts);
  await options.history?.fill(place, (done, due) => {
    tellProgress(options, 'reading the archive', done, due);
  });
  return copiedRows;
}

/** Copies that can't be dropped stay; the next replay drops them. */
async function dropOrLeave({ processor, log }: ReplayOptions, work: Session): Promise<void> {
  await dropCopies(work, processor).catch((error: unknown) => {
    log.warn({ event: 'copies_left', processor: processor.name, reason: String(error) });
  });
}

/** Ends where live stands, which is made to wait for the moment. */
async function endWithLive(options: ReplayOptions, context: ReplayContext): Promise<ReplayEnd> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    await catchUp(options, context);
    const end = await endAligned(options, context);
    if (end !== null) return end;
    await delay(Math.min(attempt, 10) * RETRY_MS); // the live processor waited; now it works
  }
  throw new MarqueeError(
    'MARQUEE_REPLAY_BEHIND',
    `the replay of ${context.place.processor} could not stand where the live processor stands in ` +
      `${ATTEMPTS} tries of ${ALIGN_MS / 1000} s, or its tables were in use: try when there is ` +
      'less traffic, and end long queries on them',
    { retriable: true },
  );
}

/** Ends at fixed positions; live is not waited for. */
async function endAtLimits(
  options: ReplayOptions,
  context: ReplayContext,
  limits: Positions,
): Promise<ReplayEnd> {
  const { processor, mode, until } = options;
  const { work, place } = context;
  await reachLimits(options, context, limits);
  const carriedOver = await completeCopies(work, processor, place);
  if (mode === 'build') return { positions: limits, carriedOver, comparisons: [] };
  const where = `received_at < to_timestamp(${until ?? 'NULL'} / 1000.0)`;
  const comparisons = await compareProcessorTables(work, processor, place, where);
  return { positions: limits, carriedOver, comparisons };
}
