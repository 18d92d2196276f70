import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { RecommendationServeRecord } from '../../schemas/generated/types.ts';
import { encodeServedList } from '../../schemas/serve-parts.ts';
import type { ServePart } from '../../schemas/serve-parts.ts';
import { createFrameBuffer } from './encode-record.ts';
import type { FreshBytes } from './fresh-bytes.ts';
import type { Losses } from './losses.ts';
import type { RecentRecords } from './recent-records.ts';
import { segmentPath } from './spool-files.ts';
import type { SpoolSegment } from './spool-files.ts';

/** The calls that may fail; tests give others. */
export interface SpoolIo {
  open(path: string): number;
  /** Writes some of bytes[from, to) at that place of the file; returns how many. */
  write(fd: number, bytes: Buffer, from: number, to: number, at: number): number;
}

export const FILE_IO: SpoolIo = {
  // Not 'a': a write that failed half-way is written over.
  open: (path) => openSync(path, 'wx', 0o600),
  write: (fd, bytes, from, to, at) => writeSync(fd, bytes, from, to - from, at),
};

export interface SpoolWriterOptions {
  readonly folder: string;
  /** Of all segments together; what would be more is lost. */
  readonly bytesMax: number;
  readonly segmentBytes: number;
  /** Number of the next segment. */
  readonly nextSegment: number;
  readonly segments: SpoolSegment[];
  readonly losses: Losses;
  /** Told of each record, also of one that is lost. */
  readonly recent: RecentRecords;
  readonly io: SpoolIo;
  readonly fresh: FreshBytes;
  /** So many records and bytes stand in the files now. */
  written(records: number, bytes: number): void;
}

export interface SpoolWriter {
  /** Resolves when the record stands in the file, or is lost. Never rejects. */
  append(record: RecommendationServeRecord): Promise<void>;
  /** The same of a record in two parts; `list` is what encodeServedList made. */
  appendParts(serve: ServePart, list: Buffer): Promise<void>;
  /** Writes what waits for the end of the tick. */
  flush(): void;
  close(): void;
}

/** More in one tick is written at once, so that memory stays bounded. */
const TICK_BYTES_MAX = 4 * 1024 * 1024;
/** After a failed write the disk is left alone for so long; what comes meanwhile is lost. */
const RETRY_AFTER_MS = 100;

/**
 * Brings all that is appended in one turn of the event loop to the file by one write, before those
 * who wait for it go on. It goes to the page cache, so it outlives the process, not the machine.
 */
export function createSpoolWriter(options: SpoolWriterOptions): SpoolWriter {
  const { segments, losses, io } = options;
  const frames = createFrameBuffer(options.recent);
  let waiting: PromiseWithResolvers<void> | null = null;
  let current: { readonly fd: number; readonly segment: SpoolSegment } | null = null;
  let next = options.nextSegment;
  let retryAt = 0;
  let closed = false;

  function seal(): void {
    if (current === null) return;
    current.segment.sealed = true;
    closeSync(current.fd);
    current = null;
  }

  function openSegment(): NonNullable<typeof current> {
    const segment = { number: next, bytes: 0, sealed: false };
    // One that could not be opened may be there all the same: its number is used up.
    next += 1;
    const fd = io.open(segmentPath(options.folder, segment.number));
    segments.push(segment);
    return { fd, segment };
  }

  function writeAll(): void {
    const { bytes, used } = frames;
    current ??= openSegment();
    const { fd, segment } = current;
    for (let from = 0; from < used;) {
      const written = io.write(fd, bytes, from, used, segment.bytes + from);
      if (written <= 0) throw new Error('the disk takes no more bytes');
      from += written;
    }
    options.fresh.wrote({ segment: segment.number, offset: segment.bytes }, bytes, used);
    segment.bytes += used;
  }

  /** What came in by half is cut off, and the file not used any more. */
  function giveUp(error: unknown): void {
    retryAt = performance.now() + RETRY_AFTER_MS;
    losses.add('write', frames.records, String(error));
    if (current === null) return;
    try {
      ftruncateSync(current.fd, current.segment.bytes);
    } catch {
      // A reader does not look behind the segment's bytes, and a restart sees no whole frame there.
    }
    seal();
  }

  function hasRoom(bytes: number): boolean {
    let total = bytes;
    for (const segment of segments) total += segment.bytes;
    return total <= options.bytesMax;
  }

  function flush(): void {
    const settled = waiting;
    waiting = null;
    const { records, used } = frames;
    if (records > 0) {
      if (!hasRoom(used)) losses.add('full', records, `over ${options.bytesMax} bytes wait`);
      else if (performance.now() < retryAt) losses.add('write', records, 'the disk just failed');
      else {
        try {
          writeAll();
          options.written(records, used);
          if (current !== null && current.segment.bytes >= options.segmentBytes) seal();
        } catch (error) {
          giveUp(error);
        }
      }
      frames.clear();
    }
    settled?.resolve();
  }

  function add(serve: ServePart, list: () => Buffer): Promise<void> {
    if (closed) {
      losses.add('closed', 1, 'appended after close');
      return Promise.resolve();
    }
    try {
      frames.add(serve, list());
    } catch (error) {
      losses.add('encode', 1, String(error));
      return Promise.resolve();
    }
    if (waiting === null) {
      waiting = Promise.withResolvers();
      setImmediate(flush);
    }
    const { promise } = waiting;
    if (frames.used >= TICK_BYTES_MAX) flush();
    return promise;
  }

  return {
    append: (record) => add(record, () => encodeServedList(record)),
    appendParts: (serve, list) => add(serve, () => list),
    flush,
    close() {
      closed = true;
      flush();
      seal();
    },
  };
}
