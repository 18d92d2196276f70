import type { Failpoint } from '../streams/runtime/failpoints.ts';

/** Places of the archive at which a fault test can end the process. */
export const ARCHIVE_FAILPOINTS = [
  'archive_before_plan',
  'archive_before_upload',
  'archive_uploaded',
  'archive_verified',
  'archive_recorded',
  'archive_before_drop',
  'archive_hour_dropped',
  'archive_merge_written',
  'archive_merge_uploaded',
  'archive_merge_recorded',
] as const;
export type ArchiveFailpointName = (typeof ARCHIVE_FAILPOINTS)[number];
export type ArchiveFailpoint = Failpoint<ArchiveFailpointName>;
