import type { Session } from '../../connectors/postgres/session.ts';
import { CHECKSUM_MODULUS } from '../format/checksums.ts';
import { placeOf } from './report.ts';
import type { AuditAccount, AuditFinding, AuditedHours } from './report.ts';

/** One partition and hour of receipt: what `interactions` did with it, and what the archive has. */
export interface HourAccountRow extends Record<string, unknown> {
  partition: number;
  hour: string;
  from_offset: number;
  to_offset: number;
  ok: number;
  duplicate: number;
  too_late: number;
  dead: number;
  skipped: number;
  /** Of the archive's ledger; null where it has no row of the hour. */
  a_ok: number | null;
  a_dead: number | null;
  a_to: number | null;
  same_ids: boolean | null;
  same_contents: boolean | null;
  /** The archive's position. */
  archive_next: number | null;
}

const M = CHECKSUM_MODULUS;
const HOUR_ACCOUNTS = `
WITH of_hour AS (
  SELECT l.processor, l.partition, l.hour,
         min(l.from_offset) AS from_offset, max(l.to_offset) AS to_offset,
         sum(ok_count)::bigint AS ok, sum(duplicate_count)::bigint AS duplicate,
         sum(too_late_count)::bigint AS too_late, sum(dead_count)::bigint AS dead,
         sum(skipped_count)::bigint AS skipped,
         mod(sum(ok_id_sum + duplicate_id_sum + too_late_id_sum), ${M}) AS ids,
         mod(sum(ok_content_sum + duplicate_content_sum + too_late_content_sum), ${M}) AS contents
    FROM stream_ledger l
   WHERE l.topic = $1 AND l.processor IN ('interactions', 'archive')
     AND ($2::bigint IS NULL OR l.hour > to_timestamp($2 / 1000.0) - interval '1 hour')
     AND ($3::bigint IS NULL OR l.hour < to_timestamp($3 / 1000.0))
   GROUP BY 1, 2, 3)
SELECT i.partition, to_json(i.hour) #>> '{}' AS hour, i.from_offset, i.to_offset,
       i.ok, i.duplicate, i.too_late, i.dead, i.skipped,
       a.ok AS a_ok, a.dead AS a_dead, a.to_offset AS a_to,
       a.ids = i.ids AS same_ids, a.contents = i.contents AS same_contents,
       o.next_offset AS archive_next
  FROM of_hour i
  LEFT JOIN of_hour a
    ON a.processor = 'archive' AND a.partition = i.partition AND a.hour = i.hour
  LEFT JOIN stream_offsets o
    ON o.processor = 'archive' AND o.topic = $1 AND o.partition = i.partition
 WHERE i.processor = 'interactions' ORDER BY i.hour, i.partition`;

export function readHourAccounts(
  session: Session,
  topic: string,
  { from, to }: AuditedHours,
): Promise<HourAccountRow[]> {
  return session.query<HourAccountRow>(HOUR_ACCOUNTS, [topic, from, to]);
}

/** The archive has passed the hour too: only then is its account whole. */
function isWhole(row: HourAccountRow): boolean {
  return row.archive_next !== null && row.archive_next >= row.to_offset;
}

export function accountOf(r: HourAccountRow): AuditAccount {
  return {
    partition: r.partition,
    hour: r.hour,
    fromOffset: r.from_offset,
    toOffset: r.to_offset,
    records: r.ok + r.duplicate + r.too_late + r.dead + r.skipped,
    applied: r.ok,
    duplicate: r.duplicate,
    tooLate: r.too_late,
    dead: r.dead,
    skipped: r.skipped,
    archived: isWhole(r) ? (r.a_ok ?? 0) : null,
  };
}

/** An hour that the archive has passed must hold what was applied, sent again, or too late. */
export function compareWithArchive(
  topic: string,
  rows: readonly HourAccountRow[],
): readonly AuditFinding[] {
  return rows.flatMap((row) => {
    const detail = isWhole(row) && row.a_to === row.to_offset ? differenceOf(row) : null;
    if (detail === null) return [];
    const place = placeOf(topic, row.partition, row.from_offset, row.to_offset);
    return [{ check: 'archive against ledger', place, detail }];
  });
}

function differenceOf(row: HourAccountRow): string | null {
  const good = row.ok + row.duplicate + row.too_late;
  // A value that the database refused is dead for `interactions` and an event for the archive.
  const extra = row.dead - (row.a_dead ?? 0);
  const archived = row.a_ok ?? 0;
  if (archived !== good + extra)
    return `${archived} events archived; ${good} were good and ${extra} dead here alone`;
  if (extra !== 0) return null;
  if (row.same_ids !== true) return 'as many events, but other ones';
  return row.same_contents === true ? null : 'the same events with other contents';
}
