import type { KafkaConsumer } from '../../../connectors/kafka/port.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import type { PartitionTask } from './partition-task.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { ProcessorKey } from '../commit/offsets.ts';

export interface LagMeter {
  /** Measures, and moves `as_of` of partitions that wait at the log's end on to now. */
  measure(live: readonly PartitionTask[]): Promise<void>;
  close(): Promise<void>;
}

export interface LagMeterOptions {
  readonly name: string;
  readonly key: ProcessorKey;
  readonly consumer: KafkaConsumer;
  readonly metrics: Metrics;
  /** A batch of this partition is under way. */
  busy(partition: number): boolean;
  openSession(): Promise<Session>;
}

const MOVE_AS_OF_SQL = `
UPDATE stream_offsets o SET as_of = greatest(o.as_of, to_timestamp($3 / 1000.0))
FROM unnest($4::int[], $5::bigint[], $6::bigint[]) AS s(partition, epoch, next_offset)
WHERE o.processor = $1 AND o.topic = $2 AND o.partition = s.partition
  AND o.owner_epoch = s.epoch AND o.next_offset = s.next_offset`;

export function createLagMeter(options: LagMeterOptions): LagMeter {
  const { name, key, consumer, metrics } = options;
  let session: Session | null = null;
  let closed = false;
  return {
    async measure(live) {
      let queued = 0;
      for (const task of live) queued += task.queuedBytes;
      metrics.queueBytes.set({ processor: name }, queued);
      if (live.length === 0) return;
      const asked = Date.now();
      const bounds = await consumer.bounds(
        key.topic,
        live.map((task) => task.partition),
      );
      const idle: PartitionTask[] = [];
      for (const task of live) {
        const log = bounds.get(task.partition);
        if (log === undefined) continue;
        task.logEnd = log.end;
        // Markers may stand between the position and the end: then nothing is due all the same.
        const caughtUp =
          task.fetched >= log.end && task.queue.length === 0 && !options.busy(task.partition);
        const labels = { processor: name, partition: task.partition };
        metrics.lagEvents.set(labels, caughtUp ? 0 : Math.max(0, log.end - task.position));
        metrics.lagSeconds.set(
          labels,
          caughtUp || task.asOf === null ? 0 : (asked - task.asOf) / 1000,
        );
        if (caughtUp) idle.push(task);
      }
      if (idle.length === 0) return;
      if (session?.usable() !== true) {
        const opened = await options.openSession();
        // Closed meanwhile: an open connection would keep the process from ending.
        if (closed) return opened.close();
        session = opened;
      }
      await session.execute(MOVE_AS_OF_SQL, [
        key.processor,
        key.topic,
        asked,
        idle.map((task) => task.partition),
        idle.map((task) => task.epoch),
        idle.map((task) => task.position),
      ]);
    },
    async close() {
      closed = true;
      await session?.close();
    },
  };
}
