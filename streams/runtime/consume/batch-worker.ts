import { isDataError } from '../../../connectors/postgres/errors.ts';
import type { KafkaRecord } from '../../../common/kafka/record.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { MarqueeError } from '../../../common/error.ts';
import { CommitUnknown } from '../../../connectors/postgres/transaction.ts';
import { applyBatch } from '../commit/apply-batch.ts';
import type { BatchContext } from '../commit/apply-batch.ts';
import { clearQueue, dequeue } from './partition-task.ts';
import type { PartitionTask } from './partition-task.ts';
import { createLedgerRange } from '../commit/ledger.ts';
import type { LedgerRange } from '../commit/ledger.ts';
import { readCommitted } from '../commit/offsets.ts';
import type { DecodedBatch } from '../commit/decode-batch.ts';
import type { PartitionBatch } from '../commit/partition-batch.ts';
import { createBackoff } from '../../../common/backoff.ts';

/** A batch and whose it is. */
export interface TaskBatch extends PartitionBatch {
  readonly task: PartitionTask;
}

/** What a worker needs of its surroundings. */
export interface BatchWorkerContext<E> extends BatchContext<E> {
  openSession(): Promise<Session>;
  decode(batches: readonly PartitionBatch[]): DecodedBatch<E>;
  /** From now on `decode` makes a dead letter of it: the database refused it when it stood alone. */
  deadLetter(record: KafkaRecord, detail: string): void;
  /** Loads schemas that the records name and the decoder does not know yet. */
  loadSchemas(batches: readonly TaskBatch[]): Promise<void>;
  readonly batchRowsMax: number;
  readonly batchBytesMax: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** After a COMMIT. */
  committed(batches: readonly TaskBatch[], decoded: DecodedBatch<E>, seconds: number): void;
  /** Another process owns the partition now. */
  fenced(task: PartitionTask): void;
  /** The tables stand elsewhere under the same epoch: read again from there. */
  rewind(task: PartitionTask, next: number): void;
  /** A fault that is being retried; null when it is over. */
  retrying(error: MarqueeError | null): void;
}

export interface BatchWorker {
  /** Partitions whose queue this worker empties. */
  readonly tasks: Map<number, PartitionTask>;
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
export function createBatchWorker<E>(options: BatchWorkerContext<E>): BatchWorker {
  const context: BatchWorkerContext<E> = {
    ...options,
    failpoint(name) {
      reach(name);
      options.failpoint(name);
    },
  };
  const tasks = new Map<number, PartitionTask>();
  const stopping = new AbortController();
  let session: Session | null = null;
  let wakeUp: (() => void) | null = null;
  let underWay: { batches: readonly TaskBatch[]; done: Promise<void> } | null = null;
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
  function collect(): TaskBatch[] {
    const waiting = [...tasks.values()].filter(
      ({ state, queue }) => state === 'live' && queue.length > 0,
    );
    turn++;
    let rows = context.batchRowsMax;
    let bytes = context.batchBytesMax;
    const batches: TaskBatch[] = [];
    for (let i = 0; i < waiting.length && rows > 0 && bytes > 0; i++) {
      const task = waiting[(turn + i) % waiting.length];
      if (task === undefined) continue;
      const queuedBytes = task.queuedBytes;
      const { records, next } = dequeue(task, rows, bytes);
      rows -= records.length;
      bytes -= queuedBytes - task.queuedBytes;
      batches.push(batchOf(task, records, next));
    }
    return batches;
  }

  /** Applies the batches, however often it takes; leaves out what was taken away meanwhile. */
  async function work(offered: readonly TaskBatch[]): Promise<void> {
    const backoff = createBackoff(
      { firstMs: context.retryFirstMs, maxMs: context.retryMaxMs },
      stopping.signal,
    );
    let batches = offered;
    for (;;) {
      batches = batches.filter((batch) => !isGivenUp(batch, backoff.attempts));
      if (batches.length === 0 || stopping.signal.aborted) break;
      try {
        batches = await attempt(batches);
        if (batches.length === 0) break;
      } catch (error) {
        if (isDataError(error)) {
          await divide(batches, error);
          break;
        }
        const known = asMarqueeError(error);
        if (!known.retriable) throw known;
        context.retrying(known);
        await backoff.wait();
      }
    }
    context.retrying(null);
  }

  /** Returns what is left to do. */
  async function attempt(batches: readonly TaskBatch[]): Promise<readonly TaskBatch[]> {
    const open = await connected();
    reach('connected');
    await context.loadSchemas(batches);
    const started = performance.now();
    const decoded = context.decode(batches);
    reach('decoded');
    // Markers alone, before any record of this owner: nothing to account for yet.
    extendOverMarkers(batches, decoded);
    const accounted = batches.filter(({ partition }) =>
      decoded.ledger.some((range) => range.partition === partition),
    );
    if (accounted.length === 0) return [];
    let result;
    try {
      result = await applyBatch(open, context, accounted, decoded);
    } catch (error) {
      if (error instanceof CommitUnknown) return resolveUnknown(accounted, error);
      throw error;
    }
    if (result.kind === 'fenced') return resolveFenced(accounted);
    for (const { task, next } of accounted) {
      task.position = next;
      task.openLedgerRow = result.openRows.get(task.partition) ?? task.openLedgerRow;
    }
    context.committed(accounted, decoded, (performance.now() - started) / 1000);
    return [];
  }

  /** A fresh connection says whether the lost COMMIT counted. */
  async function resolveUnknown(
    batches: readonly TaskBatch[],
    unknown: CommitUnknown,
  ): Promise<readonly TaskBatch[]> {
    context.retrying(unknown);
    const backoff = createBackoff(
      { firstMs: context.retryFirstMs, maxMs: context.retryMaxMs },
      stopping.signal,
    );
    while (!stopping.signal.aborted) {
      try {
        const committed = await readCommitted(
          await connected(),
          context.key,
          batches.map(({ partition }) => partition),
        );
        return batches.filter(({ task, next }) => {
          const now = committed.get(task.partition);
          if (now?.epoch === task.epoch && now.next === task.position) return true;
          // Counted: taken over anew, since the open ledger row is not known here.
          if (now?.epoch === task.epoch && now.next === next) context.rewind(task, next);
          else context.fenced(task);
          return false;
        });
      } catch (error) {
        const known = asMarqueeError(error);
        if (!known.retriable) throw known;
        context.retrying(known);
        await backoff.wait();
      }
    }
    return [];
  }

  async function resolveFenced(batches: readonly TaskBatch[]): Promise<readonly TaskBatch[]> {
    const committed = await readCommitted(
      await connected(),
      context.key,
      batches.map(({ partition }) => partition),
    );
    return batches.filter(({ task }) => {
      const now = committed.get(task.partition);
      if (now?.epoch !== task.epoch) context.fenced(task);
      else if (now.next !== task.position) context.rewind(task, now.next);
      else return true;
      return false;
    });
  }

  /** The database refused a value: halves are tried until the row stands alone, a dead letter then. */
  async function divide(batches: readonly TaskBatch[], error: unknown): Promise<void> {
    const size = batches.reduce((sum, { records }) => sum + records.length, 0);
    const [only] = batches;
    if (size <= 1 && only !== undefined) {
      const detail = asMarqueeError(error).message;
      for (const record of only.records) context.deadLetter(record, detail);
      await work([only]);
      return;
    }
    if (batches.length > 1) {
      for (const batch of batches) await work([batch]);
      return;
    }
    if (only === undefined) return;
    const half = Math.ceil(size / 2);
    const first = only.records.slice(0, half);
    const middle = (first.at(-1)?.offset ?? only.from - 1) + 1;
    await work([batchOf(only.task, first, middle)]);
    // Taken away meanwhile, the first half may be undone: the second must not be applied over it.
    if (only.task.position === middle)
      await work([batchOf(only.task, only.records.slice(half), only.next)]);
  }

  return {
    tasks,
    wake() {
      wakeUp?.();
    },
    busy: () => underWay !== null,
    doing() {
      if (underWay === null) return null;
      const { batches } = underWay;
      const records = batches.reduce((sum, { records }) => sum + records.length, 0);
      const numbers = batches.map(({ partition }) => partition).join(', ');
      const ago = Math.round((performance.now() - reached.at) / 1000);
      return `${records} records of partition(s) ${numbers}: ${reached.what} ${ago} s ago`;
    },
    async settled(wanted) {
      while (underWay?.batches.some(({ partition }) => wanted.has(partition)) === true)
        await underWay.done.catch(() => undefined);
    },
    async run() {
      try {
        while (!stopping.signal.aborted) {
          const batches = collect();
          if (batches.length === 0) {
            await new Promise<void>((resolve) => {
              wakeUp = resolve;
              if (stopping.signal.aborted) resolve();
            });
            wakeUp = null;
            continue;
          }
          context.failpoint('fetched');
          const done = work(batches);
          underWay = { batches, done };
          try {
            await done;
          } finally {
            underWay = null;
          }
        }
      } finally {
        await session?.close();
        await context.store.close?.();
      }
    },
    stop() {
      stopping.abort();
      wakeUp?.();
    },
  };
}

/** Given away: finish a first try (the drain), but do not go on retrying through an outage. */
function isGivenUp({ task }: TaskBatch, attempts: number): boolean {
  if (task.state === 'live') return false;
  if (attempts === 0 && task.state === 'gone') return false;
  clearQueue(task);
  return true;
}

/** What was taken of a task, from where it stands now. */
function batchOf(task: PartitionTask, records: readonly KafkaRecord[], next: number): TaskBatch {
  const { partition, epoch, position: from, openLedgerRow } = task;
  return { task, partition, epoch, from, next, records, openLedgerRow };
}

/**
 * Markers alone (the end of a transaction) are accounted to the open ledger row, so that the
 * position passes them. Before the first record there is no row: then they wait for it.
 */
function extendOverMarkers(
  batches: readonly PartitionBatch[],
  decoded: { readonly ledger: LedgerRange[] },
): void {
  for (const { partition, from, next, records, openLedgerRow } of batches) {
    if (records.length > 0 || openLedgerRow === null || next <= from) continue;
    const range = createLedgerRange(partition, from, openLedgerRow.hour);
    range.to = next;
    decoded.ledger.push(range);
  }
}

function asMarqueeError(error: unknown): MarqueeError {
  return error instanceof MarqueeError
    ? error
    : new MarqueeError('MARQUEE_BUG', error instanceof Error ? error.message : String(error), {
        cause: error,
      });
}
