import type { Session } from '../connectors/postgres/session.ts';
import type { Processor } from '../streams/runtime/processor.ts';
import { groupOf } from './consumer-groups.ts';

export interface ProcessorStatus {
  readonly processor: string;
  readonly topic: string;
  readonly group: string;
  /** Processes that hold partitions, by the name that stream_offsets has for them. */
  readonly owners: readonly {
    readonly owner: string;
    readonly partitions: readonly number[];
    /** Has a connection to Postgres now. One that never had a batch has none yet. */
    readonly connected: boolean;
  }[];
  /** Members of its consumer group, as the broker says. */
  readonly members: number;
  /** All that was received up to this time is applied; ISO 8601, null while that is not known. */
  readonly asOf: string | null;
  readonly ok: number;
  readonly duplicates: number;
  readonly tooLate: number;
  readonly skipped: number;
  readonly dead: number;
  /** Dead letters that were not redriven. */
  readonly deadWaiting: number;
}

interface Row extends Record<string, unknown> {
  processor: string;
  owners: { owner: string; partitions: number[]; connected: boolean }[];
  as_of_ms: number | null;
  ok: number;
  duplicates: number;
  too_late: number;
  skipped: number;
  dead: number;
  dead_waiting: number;
}

export async function readProcessors(
  session: Session,
  processors: readonly Processor[],
  members: ReadonlyMap<string, readonly string[]>,
): Promise<ProcessorStatus[]> {
  const rows = await session.query<Row>(
    `SELECT n.processor,
       (SELECT coalesce(jsonb_agg(o), '[]') FROM (
          SELECT owner, jsonb_agg(partition ORDER BY partition) AS partitions,
            EXISTS (SELECT FROM pg_stat_activity a WHERE a.application_name = owner) AS connected
          FROM stream_offsets s WHERE s.processor = n.processor AND owner IS NOT NULL
          GROUP BY owner ORDER BY owner) o) AS owners,
       (extract(epoch FROM applied_until(n.processor)) * 1000)::bigint AS as_of_ms,
       coalesce(l.ok, 0) AS ok, coalesce(l.duplicates, 0) AS duplicates,
       coalesce(l.too_late, 0) AS too_late, coalesce(l.skipped, 0) AS skipped,
       coalesce(l.dead, 0) AS dead,
       (SELECT count(*) FROM dead_letters d
        WHERE d.processor = n.processor AND redriven_at IS NULL) AS dead_waiting
     FROM unnest($1::text[]) WITH ORDINALITY AS n(processor, place)
     LEFT JOIN (
       SELECT processor, sum(ok_count)::bigint AS ok, sum(duplicate_count)::bigint AS duplicates,
         sum(too_late_count)::bigint AS too_late, sum(skipped_count)::bigint AS skipped,
         sum(dead_count)::bigint AS dead
       FROM stream_ledger GROUP BY processor) l USING (processor)
     ORDER BY n.place`,
    [processors.map((p) => p.name)],
  );
  return rows.map((row) => {
    const topic = processors.find((p) => p.name === row.processor)?.source.topic ?? '';
    const group = groupOf(row.processor);
    return {
      processor: row.processor,
      topic,
      group,
      owners: row.owners,
      members: members.get(group)?.length ?? 0,
      asOf: row.as_of_ms === null ? null : new Date(row.as_of_ms).toISOString(),
      ok: row.ok,
      duplicates: row.duplicates,
      tooLate: row.too_late,
      skipped: row.skipped,
      dead: row.dead,
      deadWaiting: row.dead_waiting,
    };
  });
}
