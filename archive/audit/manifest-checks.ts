import type { Session } from '../../connectors/postgres/session.ts';
import { CHECKSUM_MODULUS } from '../format/checksums.ts';
import type { AuditFinding } from './report.ts';

/** Ranges that don't join up to the archive's position, or those of a history from 0 to its end. */
export async function rangeGaps(session: Session, topic: string): Promise<AuditFinding[]> {
  const gaps = await session.query<{ place: string; next: number | null }>(
    `SELECT topic || '/' || partition || ' at ' || to_offset AS place, next FROM (
       SELECT r.topic, r.partition, r.to_offset,
              lead(r.from_offset, 1, CASE WHEN b.topic IS NULL THEN o.next_offset
                                          ELSE coalesce(b.places, r.to_offset) END)
                OVER (PARTITION BY r.topic, r.partition ORDER BY r.from_offset) AS next
         FROM archive_ranges r
         LEFT JOIN archive_backfills b ON b.topic = r.topic
         LEFT JOIN stream_offsets o
           ON o.processor = 'archive' AND o.topic = r.topic AND o.partition = r.partition
        WHERE r.topic = $1 OR b.topic IS NOT NULL) j
      WHERE to_offset IS DISTINCT FROM next
     UNION ALL
     SELECT b.topic || ' at 0', min(r.from_offset)
       FROM archive_backfills b LEFT JOIN archive_ranges r USING (topic)
      GROUP BY b.topic, b.places HAVING coalesce(min(r.from_offset), b.places, 0) > 0`,
    [topic],
  );
  return gaps.map((g) => ({
    check: 'the archive’s ranges join',
    place: g.place,
    detail: g.next === null ? 'nothing follows' : `the next range begins at ${g.next}`,
  }));
}

interface SourceTotals extends Record<string, unknown> {
  topic: string;
  ranges: number;
  files: number;
  /** Null where no ledger counts the source: a backfill was never in Kafka. */
  same_ids: boolean | null;
  same_contents: boolean | null;
}

const M = CHECKSUM_MODULUS;
/** By source: what was recorded as copied, and what the manifest has of it or let expire. */
const SOURCE_TOTALS = `
WITH listed AS (
  SELECT topic, rows + duplicates_removed AS rows, id_sum + removed_id_sum AS ids,
         content_sum + removed_content_sum AS contents
    FROM archive_files WHERE replaced_at IS NULL
   UNION ALL
  SELECT topic, rows, id_sum, content_sum FROM archive_expired WHERE NOT taken_back),
files AS (
  SELECT topic, sum(rows)::bigint AS rows, mod(sum(ids), ${M}) AS ids,
         mod(sum(contents), ${M}) AS contents
    FROM listed GROUP BY 1),
ranges AS (SELECT topic, sum(rows)::bigint AS rows FROM archive_ranges GROUP BY 1),
ledger AS (
  SELECT topic, mod(sum(ok_id_sum), ${M}) AS ids, mod(sum(ok_content_sum), ${M}) AS contents
    FROM stream_ledger WHERE processor = 'archive' GROUP BY 1)
SELECT topic, coalesce(r.rows, 0) AS ranges, coalesce(f.rows, 0) AS files,
       l.ids = coalesce(f.ids, 0) AS same_ids, l.contents = coalesce(f.contents, 0) AS same_contents
  FROM ranges r FULL JOIN files f USING (topic) LEFT JOIN ledger l USING (topic) ORDER BY topic`;

/** Sources whose files don't make up the ranges that were recorded. */
export async function manifestFindings(session: Session): Promise<AuditFinding[]> {
  const sources = await session.query<SourceTotals>(SOURCE_TOTALS);
  return sources.flatMap((source) => {
    const detail = differenceOf(source);
    if (detail === null) return [];
    const place = `archive_files of ${source.topic}`;
    return [{ check: 'the manifest holds the ranges', place, detail }];
  });
}

function differenceOf({ ranges, files, same_ids, same_contents }: SourceTotals): string | null {
  if (ranges !== files) return `${files} events in files or expired, ${ranges} in ranges`;
  if (same_ids === false) return 'as many events, but other ones than were read';
  return same_contents === false ? 'the same events with other contents' : null;
}
