import { setTimeout as sleep } from 'node:timers/promises';
import { sqlState, toPostgresError } from '../../../connectors/postgres/errors.ts';
import type { KafkaConsumer } from '../../../connectors/kafka/port.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { MarqueeError } from '../../../common/error.ts';
import { createPartitionTask, startOffset } from './partition-task.ts';
import type { Halt, PartitionTask } from './partition-task.ts';
import { evictOwner, raiseEpoch } from '../commit/offsets.ts';
import type { Position, ProcessorKey } from '../commit/offsets.ts';
import { createBackoff } from '../../../common/backoff.ts';
import type { ReportRetry } from '../observe/retry-status.ts';

export interface TakeOverContext {
  readonly key: ProcessorKey;
  readonly consumer: KafkaConsumer;
  readonly owner: string;
  /** A session whose lock_timeout bounds the wait for a former owner's batch. */
  openSession(): Promise<Session>;
  /** Where a processor that never read this partition begins; the log's start when undefined. */
  readonly firstOffset?: (partition: number) => number | undefined;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** A channel for the faults of one take-over. */
  retryStatus(): ReportRetry;
}

export type TakeOverResult = { readonly task: PartitionTask; readonly start: number } | Halt;

/**
 * Makes a partition this process's own: raises its epoch in Postgres and finds where to read on.
 * Tries until it works or `abandoned` says that the partition was taken away meanwhile.
 */
export async function takeOverPartition(
  context: TakeOverContext,
  partition: number,
  abandoned: AbortSignal,
): Promise<TakeOverResult | null> {
  const backoff = createBackoff(
    { firstMs: context.retryFirstMs, maxMs: context.retryMaxMs },
    abandoned,
  );
  const report = context.retryStatus();
  let session = null as Session | null;
  const aborted = () => abandoned.aborted;
  try {
    while (!aborted()) {
      try {
        const bounds = await context.consumer.bounds(context.key.topic, [partition]);
        const log = bounds.get(partition);
        if (log === undefined)
          throw new MarqueeError(
            'MARQUEE_TOPIC_MISSING',
            `topic ${context.key.topic} has no partition ${partition}`,
            { retriable: true },
          );
        if (session?.usable() !== true) session = await context.openSession();
        const first = context.firstOffset?.(partition) ?? log.start;
        const position = await raiseEpochOrEvict(session, context, partition, first, abandoned);
        if (position === null) return null;
        const name = `${context.key.processor} on ${context.key.topic}/${partition}`;
        const start = startOffset(name, position, log);
        return typeof start === 'number'
          ? { task: createPartitionTask(partition, position, start), start }
          : start;
      } catch (error) {
        const known = toPostgresError(error, 'take-over');
        if (!known.retriable) throw known;
        report(known);
        await backoff.wait();
      }
    }
    return null;
  } finally {
    report(null);
    await session?.close();
  }
}

/** Waits for the former owner's batch; one that was stopped in its middle is ended. */
async function raiseEpochOrEvict(
  session: Session,
  { key, owner }: TakeOverContext,
  partition: number,
  first: number,
  abandoned: AbortSignal,
): Promise<Position | null> {
  for (;;) {
    if (abandoned.aborted) return null;
    try {
      return await raiseEpoch(session, key, partition, owner, first);
    } catch (error) {
      if (sqlState(error) !== '55P03') throw error;
      await evictOwner(session, key, partition);
      await sleep(50); // the server ends the session by a signal; its lock goes a moment later
    }
  }
}
