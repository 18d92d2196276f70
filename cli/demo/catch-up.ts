import { setTimeout as delay } from 'node:timers/promises';
import { MarqueeError } from '../../common/error.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { readLag } from '../../operations/lag.ts';
import type { PartitionLag } from '../../operations/lag.ts';
import type { TopicBounds } from '../../operations/log-bounds.ts';
import type { Processor } from '../../streams/runtime/processor.ts';

/** The position of one processor: `applied` of `total` offsets, over all partitions. */
export interface ConsumerPosition {
  readonly processor: string;
  readonly topic: string;
  readonly applied: number;
  readonly total: number;
  /** Every partition is at its end. */
  readonly caughtUp: boolean;
}

export function positionsOf(lag: readonly PartitionLag[]): ConsumerPosition[] {
  return [...Map.groupBy(lag, (p) => p.processor)].map(([processor, partitions]) => ({
    processor,
    topic: partitions[0]?.topic ?? '',
    applied: partitions.reduce((sum, p) => sum + Math.min(p.nextOffset ?? 0, p.logEnd), 0),
    total: partitions.reduce((sum, p) => sum + p.logEnd, 0),
    caughtUp: partitions.every((p) => (p.nextOffset ?? 0) >= p.logEnd),
  }));
}

/** True when the process with that pid has a partition of every processor. */
export async function ownsAll(
  session: Session,
  processors: readonly Processor[],
  pid: number,
): Promise<boolean> {
  const rows = await session.query<{ processor: string }>(
    `SELECT DISTINCT processor FROM stream_offsets WHERE split_part(owner, '/', 3) = $1`,
    [String(pid)],
  );
  const owned = new Set(rows.map(({ processor }) => processor));
  return processors.every(({ name }) => owned.has(name));
}

const POLL_MS = 150;

export interface CatchUpOptions {
  readonly session: Session;
  readonly processors: readonly Processor[];
  /** The ends to be reached; they may move on while sending. */
  ends(): TopicBounds;
  /** False while more is being sent, or while nobody is there to apply it: then nothing is done. */
  isFinal(): boolean | Promise<boolean>;
  /** Throws when the processors can't go on. */
  check(): void;
  seen(positions: readonly ConsumerPosition[], isFinal: boolean): void;
  /** Without any progress for so long the wait is given up. */
  readonly stallMs: number;
}

/**
 * Waits until the offsets in the tables have reached the log's ends. Throws MARQUEE_DEMO_STALLED
 * when no processor moves any more.
 */
export async function untilCaughtUp(options: CatchUpOptions): Promise<void> {
  const { session, processors } = options;
  let movedAt = performance.now();
  let before = '';
  for (;;) {
    options.check();
    const isFinal = await options.isFinal();
    const lag = await readLag(session, processors, options.ends(), Date.now());
    const positions = positionsOf(lag);
    options.seen(positions, isFinal);
    if (isFinal && positions.every(({ caughtUp }) => caughtUp)) return;
    const now = positions.map(({ applied }) => applied).join(',');
    if (now !== before || !isFinal) movedAt = performance.now();
    before = now;
    if (performance.now() - movedAt > options.stallMs) throw stalled(positions, options.stallMs);
    await delay(POLL_MS);
  }
}

function stalled(positions: readonly ConsumerPosition[], stallMs: number): MarqueeError {
  const behind = positions
    .filter(({ caughtUp }) => !caughtUp)
    .map(({ processor, applied, total }) => `${processor} ${applied}/${total}`);
  return new MarqueeError(
    'MARQUEE_DEMO_STALLED',
    `no processor moved for ${Math.round(stallMs / 1000)} s, and not all are at the end: ` +
      behind.join(', '),
  );
}
