import type { Session } from '../../connectors/postgres/session.ts';
import { CHECKSUM_MODULUS } from '../format/checksums.ts';
import { withArchiveLock } from '../lock.ts';

export interface ExpiredFile {
  readonly path: string;
  readonly topic: string;
  /** UTC, YYYY-MM-DD. */
  readonly date: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface ExpireOptions {
  /** Files archived longer ago leave the archive; backfilled history never does by age. */
  readonly keepDays: number;
  /**
   * Takes back this backfill (its topic, `backfill:<hash>`), whatever its age, and nothing else.
   */
  readonly backfill?: string;
  readonly dryRun: boolean;
}

/**
 * Takes files out of the manifest, and returns them (of a dry run: those that would go). Their
 * objects stay for the grace time: readers may be at them. Age counts from when an event was
 * archived, not from when it happened. Throws MarqueeError MARQUEE_ARCHIVE_BUSY.
 */
export async function expireFiles(
  session: Session,
  options: ExpireOptions,
): Promise<readonly ExpiredFile[]> {
  const { keepDays, backfill = null, dryRun } = options;
  if (dryRun) return session.query<ExpiredRow>(`${DUE} ORDER BY path`, [keepDays, backfill]);
  return withArchiveLock(session, () => takeOut(session, keepDays, backfill));
}

async function takeOut(
  session: Session,
  keepDays: number,
  backfill: string | null,
): Promise<readonly ExpiredFile[]> {
  return session.transaction(async () => {
    // A file that took the place of others goes when their objects have gone.
    const gone = await session.query<ExpiredRow>(
      `WITH due AS (${DUE}),
            gone AS (DELETE FROM archive_files f USING due WHERE f.path = due.path RETURNING f.*),
            noted AS (
              INSERT INTO archive_expired AS e
                (path, topic, date, rows, id_sum, content_sum, bytes, taken_back)
              SELECT path, topic, date, rows + duplicates_removed,
                     mod(id_sum + removed_id_sum, ${M}),
                     mod(content_sum + removed_content_sum, ${M}), bytes, $2::text IS NOT NULL
                FROM gone
              ON CONFLICT (path) DO UPDATE
                SET expired_at = now(), removed_at = NULL, rows = excluded.rows,
                    id_sum = excluded.id_sum, content_sum = excluded.content_sum,
                    bytes = excluded.bytes, taken_back = excluded.taken_back)
       SELECT path, topic, date::text, rows, bytes FROM gone ORDER BY path`,
      [keepDays, backfill],
    );
    // So that the same history may come again.
    if (backfill !== null) {
      await session.execute('DELETE FROM archive_ranges WHERE topic = $1', [backfill]);
      await session.execute('DELETE FROM archive_backfills WHERE topic = $1', [backfill]);
    }
    return gone;
  });
}

type ExpiredRow = ExpiredFile & Record<string, unknown>;

const M = CHECKSUM_MODULUS;
/** By name a file leaves with what it replaced; by age only when nothing refers to it. */
const DUE = `
SELECT path, topic, date::text AS date, rows, bytes FROM archive_files f
 WHERE CASE WHEN $2::text IS NULL
         THEN replaced_at IS NULL AND topic NOT LIKE 'backfill:%'
              AND archived_at < now() - make_interval(days => $1)
              AND NOT EXISTS (SELECT FROM archive_files r WHERE r.replaced_by = f.path)
         ELSE topic = $2 AND $1 IS NOT NULL END`;
