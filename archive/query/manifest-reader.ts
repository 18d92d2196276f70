import type { Session } from '../../connectors/postgres/session.ts';
import { ARCHIVE_KEY } from '../consumer.ts';

/** An object of the manifest. */
export interface ListedFile {
  readonly path: string;
  readonly topic: string;
  readonly partition: number | null;
  readonly fromOffset: number | null;
  readonly toOffset: number | null;
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly generation: number;
  /** ISO 8601. */
  readonly recordedAt: string;
}

/** Offsets of a partition whose events are read from the hot table: [from, to). */
export interface HotBounds {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Manifest and bounds of the hot rows, by which a reader of hot and cold goes, as of one moment.
 */
export interface ManifestSnapshot {
  /** ISO 8601, by the clock of Postgres. */
  readonly asOf: string;
  readonly files: readonly ListedFile[];
  readonly hot: readonly HotBounds[];
  /** UTC dates that the hot table has room for, YYYY-MM-DD. */
  readonly hotDates: readonly string[];
  /** Grows when an hour leaves the hot table. */
  readonly dropped: number;
}

/**
 * The manifest and the offsets that part cold from hot, in one snapshot. An event below the
 * archive's offset is in a listed file; one at or above it is in the hot table, up to where
 * `interactions` stands. `session` is in a transaction of REPEATABLE READ.
 */
export async function readManifest(session: Session): Promise<ManifestSnapshot> {
  const files = await session.query<Record<keyof ListedFile, never>>(
    `SELECT path, topic, partition, from_offset AS "fromOffset", to_offset AS "toOffset",
            date::text AS date, rows, bytes, encode(sha256, 'hex') AS sha256, generation,
            to_json(recorded_at) #>> '{}' AS "recordedAt"
       FROM archive_manifest ORDER BY date, path`,
  );
  const hot = await session.query<Record<keyof HotBounds, number>>(
    `SELECT partition, coalesce(max(next_offset) FILTER (WHERE processor = $2), 0) AS "from",
            coalesce(max(next_offset) FILTER (WHERE processor = 'interactions'), 0) AS "to"
       FROM stream_offsets WHERE topic = $1 AND processor IN ($2, 'interactions')
      GROUP BY partition ORDER BY partition`,
    [ARCHIVE_KEY.topic, ARCHIVE_KEY.processor],
  );
  const [at] = await session.query<{ asOf: string; dropped: number; dates: string[] }>(
    `SELECT to_json(now()) #>> '{}' AS "asOf", (SELECT count(*) FROM dropped_accounts) AS dropped,
            ARRAY(SELECT DISTINCT (starts_at AT TIME ZONE 'UTC')::date::text
                    FROM partitions_of('rt_user_interactions'::regclass) ORDER BY 1) AS dates`,
  );
  return {
    asOf: at?.asOf ?? '',
    files,
    hot: hot.filter(({ from, to }) => to > from),
    hotDates: at?.dates ?? [],
    dropped: at?.dropped ?? 0,
  };
}

/** UTC dates of which rows may be hot and not in files yet. */
export function hotDatesOf({ hot, hotDates }: ManifestSnapshot): readonly string[] {
  return hot.length === 0 ? [] : hotDates;
}
