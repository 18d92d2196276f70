import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { HISTORY_PARTITION } from './history.ts';
import type { History } from './history.ts';
import { insertFiles } from '../manifest.ts';
import type { VerifiedFile } from '../manifest.ts';

/** A history as it was planned, and the place up to which it is in the archive. */
export interface BackfillPlan {
  readonly topic: string;
  /** Epoch ms. */
  readonly plannedAt: number;
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** One past the last place that is in the archive. */
  readonly next: number;
  readonly isFinished: boolean;
  /** It was planned before, by a backfill that did not end. */
  readonly isResumed: boolean;
}

/** The plan of this history: the one that was made before, else a new one, committed. */
export async function planBackfill(
  session: Session,
  topic: string,
  { name, sha256 }: History,
  limits: { readonly rowsMax: number; readonly bytesMax: number },
): Promise<BackfillPlan> {
  const isNew = await session.execute(
    `INSERT INTO archive_backfills (topic, source, sha256, rows_max, bytes_max)
     VALUES ($1, $2, decode($3, 'hex'), $4, $5) ON CONFLICT DO NOTHING`,
    [topic, name, sha256, limits.rowsMax, limits.bytesMax],
  );
  const [row] = await session.query<{
    sha256: string;
    planned_at: number;
    rows_max: number;
    bytes_max: number;
    finished: boolean;
    next: number;
  }>(
    `SELECT encode(sha256, 'hex') AS sha256,
            floor(extract(epoch FROM planned_at) * 1000)::bigint AS planned_at,
            rows_max, bytes_max, finished_at IS NOT NULL AS finished,
            (SELECT coalesce(max(to_offset), 0) FROM archive_ranges r
              WHERE r.topic = b.topic) AS next
       FROM archive_backfills b WHERE topic = $1`,
    [topic],
  );
  if (row?.sha256 !== sha256)
    throw new Error(`${topic} is of SHA-256 ${row?.sha256 ?? 'unknown'}, not ${sha256}`);
  return {
    topic,
    plannedAt: row.planned_at,
    rowsMax: row.rows_max,
    bytesMax: row.bytes_max,
    next: row.next,
    isFinished: row.finished,
    isResumed: isNew === 0,
  };
}

/** Places [from, to) of a history whose files were verified. */
export interface VerifiedHistoryRange {
  readonly topic: string;
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly dead: number;
  readonly files: readonly VerifiedFile[];
}

/** Records a range where the one before it ends, with its files, in one transaction. */
export async function recordHistoryRange(
  session: Session,
  range: VerifiedHistoryRange,
): Promise<void> {
  const { topic, from, to } = range;
  await session.transaction(async () => {
    const written = await session.execute(
      `INSERT INTO archive_ranges (topic, partition, from_offset, to_offset, rows, dead, skipped)
       SELECT $1, $2, $3, $4, $5, $6, 0
        WHERE $3 = (SELECT coalesce(max(to_offset), 0) FROM archive_ranges WHERE topic = $1)
       ON CONFLICT DO NOTHING`,
      [topic, HISTORY_PARTITION, from, to, range.rows, range.dead],
    );
    if (written === 0)
      throw new MarqueeError(
        'MARQUEE_ARCHIVE_BUSY',
        `another backfill has brought in ${topic} from ${from} on`,
        { retriable: true },
      );
    await insertFiles(session, range.files, { topic, partition: HISTORY_PARTITION, from, to });
  });
}

export async function finishBackfill(session: Session, topic: string): Promise<void> {
  await session.execute(
    `UPDATE archive_backfills SET finished_at = now(),
            places = (SELECT coalesce(max(to_offset), 0) FROM archive_ranges WHERE topic = $1),
            (first_date, last_date)
              = (SELECT min(date), max(date) FROM archive_files WHERE topic = $1)
      WHERE topic = $1 AND finished_at IS NULL`,
    [topic],
  );
}

/** A history in the archive, as `marquee backfill ls` shows it. */
export interface BackfillState {
  readonly topic: string;
  readonly source: string;
  /** Epoch ms; null while it is not all there. */
  readonly finishedAt: number | null;
  readonly rows: number;
  readonly leftOut: number;
  /** UTC dates of its first and last event; null until it is finished, and when it has none. */
  readonly firstDate: string | null;
  readonly lastDate: string | null;
  /** Of its own: those that a merge made hold other events too. */
  readonly files: number;
  readonly bytes: number;
}

/** All of them, or the one of that topic, as they were planned. */
export async function listBackfills(session: Session, topic?: string): Promise<BackfillState[]> {
  const rows = await session.query<{
    topic: string;
    source: string;
    finished_at: number | null;
    rows: number;
    dead: number;
    first_date: string | null;
    last_date: string | null;
    files: number;
    bytes: number;
  }>(
    `SELECT b.topic, b.source,
            floor(extract(epoch FROM b.finished_at) * 1000)::bigint AS finished_at,
            r.rows, r.dead, b.first_date::text, b.last_date::text,
            coalesce(f.files, 0) AS files, coalesce(f.bytes, 0) AS bytes
       FROM archive_backfills b
      CROSS JOIN LATERAL (
             SELECT coalesce(sum(rows), 0)::bigint AS rows, coalesce(sum(dead), 0)::bigint AS dead
               FROM archive_ranges WHERE topic = b.topic) r
       LEFT JOIN (SELECT topic, count(*) AS files, sum(bytes)::bigint AS bytes
                    FROM archive_files WHERE replaced_at IS NULL GROUP BY 1) f USING (topic)
      WHERE $1::text IS NULL OR b.topic = $1 ORDER BY b.planned_at, b.topic`,
    [topic ?? null],
  );
  return rows.map((r) => ({
    topic: r.topic,
    source: r.source,
    finishedAt: r.finished_at,
    rows: r.rows,
    leftOut: r.dead,
    firstDate: r.first_date,
    lastDate: r.last_date,
    files: r.files,
    bytes: r.bytes,
  }));
}
