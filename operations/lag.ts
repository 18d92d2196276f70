import type { Session } from '../connectors/postgres/session.ts';
import type { Processor } from '../streams/runtime/processor.ts';
import type { TopicBounds } from './log-bounds.ts';

/** The lag of one processor on one partition. */
export interface PartitionLag {
  readonly processor: string;
  readonly topic: string;
  readonly partition: number;
  readonly logStart: number;
  readonly logEnd: number;
  /** Null where it has never been. */
  readonly nextOffset: number | null;
  /** Offsets not applied yet; gaps and transaction markers count. */
  readonly lagEvents: number;
  /** Age of what is applied; 0 when nothing is due, null when nothing was ever applied. */
  readonly lagSeconds: number | null;
  /** ISO 8601. */
  readonly asOf: string | null;
  readonly owner: string | null;
  readonly epoch: number;
  /** It stands outside the log, and will not go on by itself. */
  readonly outsideLog: boolean;
}

interface Row extends Record<string, unknown> {
  processor: string;
  partition: number;
  next_offset: number;
  owner: string | null;
  owner_epoch: number;
  as_of_ms: number | null;
}

export async function readLag(
  session: Session,
  processors: readonly Processor[],
  bounds: TopicBounds,
  nowMs: number,
): Promise<PartitionLag[]> {
  const rows = await session.query<Row>(
    `SELECT processor, partition, next_offset, owner, owner_epoch,
       (extract(epoch FROM as_of) * 1000)::bigint AS as_of_ms
     FROM stream_offsets WHERE processor = ANY($1)`,
    [processors.map((p) => p.name)],
  );
  const positions = new Map(rows.map((row) => [`${row.processor}/${row.partition}`, row]));
  return processors.flatMap(({ name, source: { topic } }) =>
    [...(bounds.get(topic) ?? [])].map(([partition, log]): PartitionLag => {
      const row = positions.get(`${name}/${partition}`);
      const next = row?.next_offset ?? null;
      const lagEvents = Math.max(0, log.end - (next ?? log.start));
      const asOfMs = row?.as_of_ms ?? null;
      return {
        processor: name,
        topic,
        partition,
        logStart: log.start,
        logEnd: log.end,
        nextOffset: next,
        lagEvents,
        lagSeconds: lagEvents === 0 ? 0 : asOfMs === null ? null : (nowMs - asOfMs) / 1000,
        asOf: asOfMs === null ? null : new Date(asOfMs).toISOString(),
        owner: row?.owner ?? null,
        epoch: row?.owner_epoch ?? 0,
        outsideLog: next !== null && (next < log.start || next > log.end),
      };
    }),
  );
}

export interface LagTotal {
  readonly processor: string;
  readonly lagEvents: number;
  /** Of the partition furthest behind. */
  readonly lagSeconds: number | null;
}

export function totalLag(partitions: readonly PartitionLag[]): LagTotal[] {
  return [...Map.groupBy(partitions, (p) => p.processor)].map(([processor, own]) => ({
    processor,
    lagEvents: own.reduce((sum, p) => sum + p.lagEvents, 0),
    lagSeconds: own.some((p) => p.lagSeconds === null)
      ? null
      : Math.max(...own.map((p) => p.lagSeconds ?? 0)),
  }));
}
