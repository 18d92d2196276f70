import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { FreshBytes } from './fresh-bytes.ts';
import { FRAME_BYTES_MAX, parseFrames, splitFrames } from './frames.ts';
import type { Frame } from './frames.ts';
import { segmentPath } from './spool-files.ts';
import type { SpoolPosition, SpoolSegment } from './spool-files.ts';

/** Records that stand one after the other in a segment. */
export interface SpoolChunk {
  readonly segment: SpoolSegment;
  readonly frames: readonly Frame[];
  readonly from: number;
  readonly to: number;
  /** Behind the last record of it, counted from `from`. */
  readonly wholeEnd: number;
  readonly damaged: number;
  /** When it was asked for, nothing stood behind it. */
  readonly last: boolean;
}

/** Reads a spool's segments in their order, a piece at a time. One call at a time. */
export interface SpoolReader {
  /** Null when all that was written is read. */
  next(): Promise<SpoolChunk | null>;
  close(): Promise<void>;
}

export function createSpoolReader(
  folder: string,
  segments: readonly SpoolSegment[],
  start: SpoolPosition,
  chunkBytes: number,
  fresh: FreshBytes | null = null,
): SpoolReader {
  let at = start;
  let file: { readonly number: number; readonly handle: FileHandle } | null = null;

  async function closeFile(): Promise<void> {
    const closing = file;
    file = null;
    await closing?.handle.close();
  }

  async function handleOf(number: number): Promise<FileHandle | null> {
    if (file?.number === number) return file.handle;
    await closeFile();
    try {
      file = { number, handle: await open(segmentPath(folder, number), 'r') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    return file.handle;
  }

  async function readAt(segment: SpoolSegment, offset: number): Promise<SpoolChunk> {
    const end = segment.bytes;
    const newest = segments.at(-1) === segment;
    const written = fresh?.take({ segment: segment.number, offset }) ?? null;
    if (written !== null) {
      const frames = splitFrames(written);
      const wholeEnd = written.length;
      const to = offset + wholeEnd;
      return {
        segment,
        frames,
        from: offset,
        to,
        wholeEnd,
        damaged: 0,
        last: newest && to === end,
      };
    }
    const handle = await handleOf(segment.number);
    // Somebody removed the file: what was in it is lost, and what follows is sent.
    if (handle === null)
      return { segment, frames: [], from: offset, to: end, wholeEnd: 0, damaged: 1, last: newest };
    for (let size = chunkBytes; ; size = FRAME_BYTES_MAX) {
      const wanted = Math.min(size, end - offset);
      const bytes = await readWhole(handle, offset, wanted);
      const last = bytes.length < wanted || offset + wanted === end;
      const { frames, consumed, wholeEnd, damaged } = parseFrames(bytes, last);
      // A frame that is larger than the piece: read it whole.
      if (consumed === 0 && !last) continue;
      const to = last ? end : offset + consumed;
      const tail = last && offset + wholeEnd < end ? 1 : 0;
      return {
        ...{ segment, frames, from: offset, to, wholeEnd },
        damaged: damaged + tail,
        last: newest && to === end,
      };
    }
  }

  return {
    async next() {
      for (;;) {
        const segment = segments.find(({ number }) => number >= at.segment);
        if (segment === undefined) return null;
        if (segment.number > at.segment) at = { segment: segment.number, offset: 0 };
        if (at.offset < segment.bytes) {
          const chunk = await readAt(segment, at.offset);
          at = { segment: segment.number, offset: chunk.to };
          return chunk;
        }
        if (!segment.sealed) return null;
        at = { segment: segment.number + 1, offset: 0 };
      }
    },
    close: closeFile,
  };
}

/** Fewer bytes than asked for only where the file ends before. */
async function readWhole(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await handle.read(bytes, got, length - got, from + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return bytes.subarray(0, got);
}
