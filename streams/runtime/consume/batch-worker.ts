import { isDataError, toPostgresError } from '../../../connectors/postgres/errors.ts';
import type { KafkaRecord } from '../../../connectors/kafka/port.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { MarqueeError } from '../../../common/error.ts';
import { applyBatch, CommitUnknown } from '../commit/apply-batch.ts';
import type { BatchContext, Portion } from '../commit/apply-batch.ts';
import { clearQueue, dequeue } from './partition-task.ts';
import type { Held } from './partition-task.ts';
import { createRun } from '../commit/ledger.ts';
import type { LedgerRun } from '../commit/ledger.ts';
import { readStanding } from '../commit/offsets.ts';
import type { Prepared, Slice } from '../commit/decode-batch.ts';
import { createBackoff } from '../../../common/backoff.ts';

/** What a lane needs of its surroundings. */
export interface LaneContext<E> extends BatchContext<E> {
  openSession(): Promise<Session>;
  prepare(slices: readonly Slice[]): Prepared<E>;
  /** From now on `prepare` buries this record: the database refused it when it stood alone. */
  condemn(record: KafkaRecord, detail: string): void;
  /** Loads schemas that the records name and the decoder does not know yet. */
  loadSchemas(portions: readonly Portion[]): Promise<void>;
  readonly batchRowsMax: number;
  readonly batchBytesMax: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** After a COMMIT. */
  committed(portions: readonly Portion[], prepared: Prepared<E>, seconds: number): void;
  /** Another process owns the partition now. */
  fenced(held: Held): void;
  /** The tables stand elsewhere under the same epoch: read again from there. */
  rewind(held: Held, next: number): void;
  /** A fault that is being retried; null when it is over. */
  trouble(error: MarqueeError | null): void;
}

export interface Lane {
  /** Partitions whose queue this lane empties. */
  readonly partitions: Map<number, Held>;
  /** Says that something was queued. */
  wake(): void;
  /** Resolves when no batch with one of these partitions is under way. */
  settled(partitions: ReadonlySet<number>): Promise<void>;
  busy(): boolean;
  /** The batch under way, what was last done for it and how long ago; null when there is none. */
  doing(): string | null;
  /** Works until `stop`; rejects on a fault that no retry mends. */
  run(): Promise<void>;
  stop(): void;
}

/** One connection and one batch at a time, over the partitions it was given. */
export function createLane<E>(options: LaneContext<E>): Lane {
  const context: LaneContext<E> = {
    ...options,
    failpoint(name) {
      reach(name);
      options.failpoint(name);
    },
  };
  const partitions = new Map<number, Held>();
  const stopping = new AbortController();
  let session: Session | null = null;
  let wakeUp: (() => void) | null = null;
  let underWay: { portions: readonly Portion[]; done: Promise<void> } | null = null;
  let turn = 0;
  let reached = { what: '', at: 0 };

  function reach(what: string): void {
    reached = { what, at: performance.now() };
  }

  async function connected(): Promise<Session> {
    if (session?.usable() !== true) session = await context.openSession();
    return session;
  }

  /**
   * Partitions take turns in being first and give all they have: a batch of few partitions has few
   * users, so a store that sums up by user has less to write.
   */
  function collect(): Portion[] {
    const waiting = [...partitions.values()].filter(
      (h) => h.state === 'live' && h.queue.length > 0,
    );
    turn++;
    let rows = context.batchRowsMax;
    let bytes = context.batchBytesMax;
    const portions: Portion[] = [];
    for (let i = 0; i < waiting.length && rows > 0 && bytes > 0; i++) {
      const held = waiting[(turn + i) % waiting.length];
      if (held === undefined) continue;
      const queuedBytes = held.queuedBytes;
      const portion = dequeue(held, rows, bytes);
      rows -= portion.records.length;
      bytes -= queuedBytes - held.queuedBytes;
      portions.push({ held, ...portion });
    }
    return portions;
  }

  /** Applies the portions, however often it takes; leaves out what was taken away meanwhile. */
  async function work(offered: readonly Portion[]): Promise<void> {
    const backoff = createBackoff(context.retryFirstMs, context.retryMaxMs, stopping.signal);
    let portions = offered;
    for (;;) {
      portions = portions.filter((p) => !isAbandoned(p, backoff.attempts));
      if (portions.length === 0 || stopping.signal.aborted) break;
      try {
        portions = await attempt(portions);
        if (portions.length === 0) break;
      } catch (error) {
        if (isDataError(error)) {
          await divide(portions, error);
          break;
        }
        const known = asMarqueeError(error);
        if (!known.retriable) throw known;
        context.trouble(known);
        await backoff.wait();
      }
    }
    context.trouble(null);
  }

  /** Returns what is left to do. */
  async function attempt(portions: readonly Portion[]): Promise<readonly Portion[]> {
    const open = await connected();
    reach('connected');
    await context.loadSchemas(portions);
    const started = performance.now();
    const prepared = context.prepare(portions.map(toSlice));
    reach('decoded');
    // Markers alone, before any record of this run: nothing to account for yet.
    extendOverMarkers(portions, prepared);
    const accounted = portions.filter((p) =>
      prepared.runs.some((r) => r.partition === p.held.partition),
    );
    if (accounted.length === 0) return [];
    let result;
    try {
      result = await applyBatch(open, context, accounted, prepared);
    } catch (error) {
      if (error instanceof CommitUnknown) return resolveUnknown(accounted, error);
      throw error;
    }
    if (result.kind === 'fenced') return resolveFenced(accounted);
    for (const { held, next } of accounted) {
      held.position = next;
      held.openLedgerRow = result.openRows.get(held.partition) ?? held.openLedgerRow;
    }
    context.committed(accounted, prepared, (performance.now() - started) / 1000);
    return [];
  }

  /** A fresh connection says whether the lost COMMIT counted. */
  async function resolveUnknown(
    portions: readonly Portion[],
    unknown: CommitUnknown,
  ): Promise<readonly Portion[]> {
    context.trouble(toPostgresError(unknown.cause, 'COMMIT'));
    const backoff = createBackoff(context.retryFirstMs, context.retryMaxMs, stopping.signal);
    while (!stopping.signal.aborted) {
      try {
        const standing = await readStanding(
          await connected(),
          context.key,
          portions.map((p) => p.held.partition),
        );
        return portions.filter(({ held, next }) => {
          const now = standing.get(held.partition);
          if (now?.epoch === held.epoch && now.next === held.position) return true;
          // Counted: taken over anew, since the open ledger row is not known here.
          if (now?.epoch === held.epoch && now.next === next) context.rewind(held, next);
          else context.fenced(held);
          return false;
        });
      } catch (error) {
        const known = asMarqueeError(error);
        if (!known.retriable) throw known;
        context.trouble(known);
        await backoff.wait();
      }
    }
    return [];
  }

  async function resolveFenced(portions: readonly Portion[]): Promise<readonly Portion[]> {
    const standing = await readStanding(
      await connected(),
      context.key,
      portions.map((p) => p.held.partition),
    );
    return portions.filter(({ held }) => {
      const now = standing.get(held.partition);
      if (now?.epoch !== held.epoch) context.fenced(held);
      else if (now.next !== held.position) context.rewind(held, now.next);
      else return true;
      return false;
    });
  }

  /** The database refused a value: halves are tried until the row stands alone and is buried. */
  async function divide(portions: readonly Portion[], error: unknown): Promise<void> {
    const size = portions.reduce((sum, p) => sum + p.records.length, 0);
    const [only] = portions;
    if (size <= 1 && only !== undefined) {
      const detail = asMarqueeError(error).message;
      for (const record of only.records) context.condemn(record, detail);
      await work([only]);
      return;
    }
    if (portions.length > 1) {
      for (const portion of portions) await work([portion]);
      return;
    }
    if (only === undefined) return;
    const half = Math.ceil(size / 2);
    const first = only.records.slice(0, half);
    const middle = (first.at(-1)?.offset ?? only.held.position - 1) + 1;
    await work([{ ...only, records: first, next: middle }]);
    // Taken away meanwhile, the first half may be undone: the second must not be applied over it.
    if (only.held.position === middle) await work([{ ...only, records: only.records.slice(half) }]);
  }

  return {
    partitions,
    wake() {
      wakeUp?.();
    },
    busy: () => underWay !== null,
    doing() {
      if (underWay === null) return null;
      const { portions } = underWay;
      const records = portions.reduce((sum, p) => sum + p.records.length, 0);
      const numbers = portions.map((p) => p.held.partition).join(', ');
      const ago = Math.round((performance.now() - reached.at) / 1000);
      return `${records} records of partition(s) ${numbers}: ${reached.what} ${ago} s ago`;
    },
    async settled(wanted) {
      while (underWay?.portions.some((p) => wanted.has(p.held.partition)) === true)
        await underWay.done.catch(() => undefined);
    },
    async run() {
      try {
        while (!stopping.signal.aborted) {
          const portions = collect();
          if (portions.length === 0) {
            await new Promise<void>((resolve) => {
              wakeUp = resolve;
              if (stopping.signal.aborted) resolve();
            });
            wakeUp = null;
            continue;
          }
          context.failpoint('fetched');
          const done = work(portions);
          underWay = { portions, done };
          try {
            await done;
          } finally {
            underWay = null;
          }
        }
      } finally {
        await session?.close();
      }
    },
    stop() {
      stopping.abort();
      wakeUp?.();
    },
  };
}

/** Given away: finish a first try (the drain), but do not go on retrying through an outage. */
function isAbandoned({ held }: Portion, attempts: number): boolean {
  if (held.state === 'live') return false;
  if (attempts === 0 && held.state === 'gone') return false;
  clearQueue(held);
  return true;
}

function toSlice({ held, records, next }: Portion): Slice {
  return { partition: held.partition, from: held.position, next, records };
}

/**
 * Markers alone (the end of a transaction) are accounted to the open ledger row, so that the
 * position passes them. Before the first record there is no row: then they wait for it.
 */
function extendOverMarkers(portions: readonly Portion[], prepared: { runs: LedgerRun[] }): void {
  for (const { held, records, next } of portions) {
    if (records.length > 0 || held.openLedgerRow === null || next <= held.position) continue;
    const run = createRun(held.partition, held.position, held.openLedgerRow.hour);
    run.to = next;
    prepared.runs.push(run);
  }
}

function asMarqueeError(error: unknown): MarqueeError {
  return error instanceof MarqueeError
    ? error
    : new MarqueeError('MARQUEE_BUG', error instanceof Error ? error.message : String(error), {
        cause: error,
      });
}
