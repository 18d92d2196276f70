import { truncateSync, unlinkSync } from 'node:fs';
import { uuidTimeMs } from '../../common/uuid.ts';
import { WIRE_HEADER_BYTES } from '../../schemas/wire.ts';
import type { Frame } from './frames.ts';
import { listSpool, segmentPath } from './spool-files.ts';
import type { SpoolPosition, SpoolSegment } from './spool-files.ts';
import { createSpoolReader } from './spool-reader.ts';

/** What an earlier process left in the folder. */
export interface Leftover {
  readonly segments: SpoolSegment[];
  readonly foreign: readonly string[];
  /** From where on it is to be sent. */
  readonly start: SpoolPosition;
  readonly nextSegment: number;
  readonly records: number;
  readonly bytes: number;
  /** Ends that were cut off, since a write had not come to its end. */
  readonly torn: number;
  /** Epoch ms of the oldest serve in it. */
  readonly oldestMs: number | null;
}

/** When the list was served: the value begins with its UUIDv7. */
export function servedAtMs({ value }: Frame): number {
  return uuidTimeMs(value.subarray(WIRE_HEADER_BYTES));
}

const SCAN_BYTES = 1024 * 1024;

/** Drops what was acknowledged, cuts torn ends off, and counts what is left to send. */
export async function recoverSpool(
  folder: string,
  acknowledged: SpoolPosition | null,
): Promise<Leftover> {
  const { segments: found, foreign } = listSpool(folder);
  const first = acknowledged?.segment ?? 0;
  for (const { number } of found) if (number < first) unlinkSync(segmentPath(folder, number));
  const segments = found.filter(({ number }) => number >= first);
  const start = acknowledged ?? { segment: 0, offset: 0 };
  const scan = { records: 0, bytes: 0, torn: 0, oldestMs: null as number | null };
  for (const segment of segments) await scanSegment(folder, segment, start, scan);
  const lastNumber = Math.max(segments.at(-1)?.number ?? 0, first);
  return { segments, foreign, start, nextSegment: lastNumber + 1, ...scan };
}

async function scanSegment(
  folder: string,
  segment: SpoolSegment,
  start: SpoolPosition,
  scan: { records: number; bytes: number; torn: number; oldestMs: number | null },
): Promise<void> {
  const offset = segment.number === start.segment ? Math.min(start.offset, segment.bytes) : 0;
  const reader = createSpoolReader(
    folder,
    [segment],
    { segment: segment.number, offset },
    SCAN_BYTES,
  );
  let wholeEnd = offset;
  try {
    for (let chunk = await reader.next(); chunk !== null; chunk = await reader.next()) {
      const [oldest] = chunk.frames;
      if (oldest !== undefined) scan.oldestMs ??= servedAtMs(oldest);
      scan.records += chunk.frames.length;
      if (chunk.frames.length > 0) wholeEnd = chunk.from + chunk.wholeEnd;
    }
  } finally {
    await reader.close();
  }
  if (wholeEnd < segment.bytes) {
    truncateSync(segmentPath(folder, segment.number), wholeEnd);
    segment.bytes = wholeEnd;
    scan.torn += 1;
  }
  scan.bytes += segment.bytes - offset;
}
