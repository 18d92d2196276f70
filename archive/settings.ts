import { HOUR_MS, MINUTE_MS } from '../common/time.ts';

/** Settings of the archive; units are in the names. */
export interface ArchiveSettings {
  /** Start of the daily run: five fields of cron, in `timeZone`. */
  readonly schedule: string;
  readonly timeZone: string;
  /** Folder of the objects in the bucket. */
  readonly prefix: string;
  /** Records of one range, and bytes of their values: five ranges are in memory at once. */
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** About how large a merged file is. */
  readonly mergeBytes: number;
  /** Small files of one date and source that make `marquee archive daily` merge them. */
  readonly mergeFilesMin: number;
  /** Time between the recording of files and what it lets go: hot hours, replaced objects. */
  readonly graceMs: number;
  /** Days that the topic keeps records beyond the window and the late horizon. */
  readonly retentionMarginDays: number;
  /** Time that a run tries on while the store or Postgres is away. */
  readonly patienceMs: number;
  /** Days that archived files are kept, counted from when they were archived. */
  readonly keepDays: number;
}

export const DEFAULT_ARCHIVE: ArchiveSettings = Object.freeze({
  schedule: '0 2 * * *',
  timeZone: 'UTC',
  prefix: 'archived-events/',
  rowsMax: 65_536,
  bytesMax: 16 * 1024 * 1024,
  mergeBytes: 128 * 1024 * 1024,
  mergeFilesMin: 8,
  graceMs: 6 * HOUR_MS,
  retentionMarginDays: 2,
  patienceMs: 30 * MINUTE_MS,
  keepDays: 400,
});
