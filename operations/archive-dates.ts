import type { Session } from '../connectors/postgres/session.ts';

/** The archived events of one date and source. */
export interface ArchiveDate extends Record<string, unknown> {
  /** UTC date of the events, YYYY-MM-DD. */
  readonly date: string;
  /**
   * A topic; `history` where it never was in Kafka; `merged` where a merge put sources together.
   */
  readonly source: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
}

/** The oldest date first. */
export function listArchiveDates(session: Session): Promise<ArchiveDate[]> {
  return session.query<ArchiveDate>(
    `SELECT date::text,
       CASE WHEN topic LIKE 'backfill:%' THEN 'history' WHEN topic = '*' THEN 'merged'
            ELSE topic END AS source,
       count(*) AS files, sum(rows)::bigint AS rows, sum(bytes)::bigint AS bytes
     FROM archive_manifest GROUP BY 1, 2 ORDER BY 1, 2`,
  );
}
