/** Names of objects: a folder a date, then the source and the offsets that it was cut from. */
import type { SourceRange } from './manifest.ts';

/** The name of a range's file of one UTC date (YYYY-MM-DD): the same range gives the same name. */
export function rangeObject(
  prefix: string,
  date: string,
  { topic, partition, from, to }: SourceRange,
): string {
  return `${prefix}date=${date}/${plain(topic)}-${partition}-${from}-${to}.parquet`;
}

/**
 * The merge's number is in the name: an object of a merge that was given up is never taken for
 * another.
 */
export function mergedObject(
  prefix: string,
  { topic, date, id }: { readonly topic: string; readonly date: string; readonly id: number },
): string {
  return `${prefix}date=${date}/${plain(topic)}-merged-${id}.parquet`;
}

/**
 * The first offset in the name of a range's file; null when it is of another topic or partition.
 */
export function firstOffsetIn(name: string, topic: string, partition: number): number | null {
  const file = name.slice(name.lastIndexOf('/') + 1);
  const start = `${plain(topic)}-${partition}-`;
  if (!file.startsWith(start)) return null;
  const match = /^(\d+)-\d+\.parquet$/.exec(file.slice(start.length));
  return match === null ? null : Number(match[1]);
}

/** A colon, as pseudo-topics have one, is no good in a path. */
function plain(topic: string): string {
  return topic.replaceAll(':', '-');
}
