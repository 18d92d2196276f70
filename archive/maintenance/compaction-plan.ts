import { ROW_GROUP_ROWS } from '../format/file-schema.ts';

/** A file of the manifest, as far as merging asks. */
export interface MergeableFile {
  readonly path: string;
  readonly topic: string;
  /** UTC, YYYY-MM-DD. */
  readonly date: string;
  readonly bytes: number;
  readonly rows: number;
}

export interface MergeRule {
  /** A merged file is about so large; one of half that size is left alone. */
  readonly targetBytes: number;
  /** So many small files of a date have to be there. */
  readonly filesMin: number;
}

/** Rows that are decoded at once over all inputs, at most a row group of each. */
const DECODED_ROWS_MAX = 1_048_576;
const INPUTS_MAX = 512;

/**
 * Groups of files that are merged with each other: of one date and one source, in order of their
 * names, up to the target size. Sources stay apart, so history that was backfilled can be told from
 * the rest.
 */
export function planCompaction(
  files: readonly MergeableFile[],
  { targetBytes, filesMin }: MergeRule,
): (readonly MergeableFile[])[] {
  const small = files
    .filter(({ bytes }) => bytes < targetBytes / 2)
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const merges: (readonly MergeableFile[])[] = [];
  for (const group of Map.groupBy(small, ({ topic, date }) => `${date} ${topic}`).values()) {
    if (group.length < filesMin) continue;
    for (const merge of fill(group, targetBytes)) if (merge.length > 1) merges.push(merge);
  }
  return merges;
}

function fill(group: readonly MergeableFile[], targetBytes: number): MergeableFile[][] {
  const merges: MergeableFile[][] = [];
  let bytes = 0;
  let decoded = 0;
  for (const file of group) {
    const open = merges.at(-1);
    const rows = Math.min(file.rows, ROW_GROUP_ROWS);
    const fits =
      bytes + file.bytes <= targetBytes * 1.25 &&
      decoded + rows <= DECODED_ROWS_MAX &&
      (open?.length ?? 0) < INPUTS_MAX;
    if (open === undefined || !fits) {
      merges.push([file]);
      bytes = file.bytes;
      decoded = rows;
      continue;
    }
    open.push(file);
    bytes += file.bytes;
    decoded += rows;
  }
  return merges;
}
