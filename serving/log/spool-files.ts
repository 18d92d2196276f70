import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32c } from '../../common/kafka/crc32c.ts';

const SEGMENT = /^segment-(\d{12})\.spool$/;
const OURS = /^(lock(\..*)?|progress)$/;
const PROGRESS = 'progress';

/** A place in a spool: a file by its number, and an offset in it. */
export interface SpoolPosition {
  readonly segment: number;
  readonly offset: number;
}

export interface SpoolSegment {
  readonly number: number;
  /** Up to here there are whole frames; what may lie behind is of no use. */
  bytes: number;
  /** Nothing is written to it any more. */
  sealed: boolean;
}

export function segmentPath(folder: string, number: number): string {
  return join(folder, `segment-${String(number).padStart(12, '0')}.spool`);
}

/** Segments by their numbers with the files' sizes, and the names of files that are none of ours. */
export function listSpool(folder: string): { segments: SpoolSegment[]; foreign: string[] } {
  const segments: SpoolSegment[] = [];
  const foreign: string[] = [];
  for (const name of readdirSync(folder)) {
    const number = SEGMENT.exec(name)?.[1];
    if (number !== undefined) {
      const { size } = statSync(join(folder, name));
      segments.push({ number: Number(number), bytes: size, sealed: true });
    } else if (!OURS.test(name)) foreign.push(name);
  }
  return { segments: segments.toSorted((a, b) => a.number - b.number), foreign };
}

/** How far Kafka has acknowledged; kept so that a restart sends little again. */
export interface ProgressFile {
  read(): SpoolPosition | null;
  write(position: SpoolPosition): void;
  close(): void;
}

const PROGRESS_BYTES = 20;

/** One small write in place: its checksum tells one that was cut short, and then all is sent again. */
export function openProgress(folder: string): ProgressFile {
  const fd = openSync(join(folder, PROGRESS), constants.O_RDWR | constants.O_CREAT, 0o600);
  const bytes = Buffer.alloc(PROGRESS_BYTES);
  return {
    read() {
      const got = readSync(fd, bytes, 0, PROGRESS_BYTES, 0);
      if (got < PROGRESS_BYTES || bytes.readInt32BE(0) !== crc32c(bytes, 4, PROGRESS_BYTES))
        return null;
      const [segment, offset] = [bytes.readBigUInt64BE(4), bytes.readBigUInt64BE(12)];
      return { segment: Number(segment), offset: Number(offset) };
    },
    write({ segment, offset }) {
      bytes.writeBigUInt64BE(BigInt(segment), 4);
      bytes.writeBigUInt64BE(BigInt(offset), 12);
      bytes.writeInt32BE(crc32c(bytes, 4, PROGRESS_BYTES), 0);
      writeSync(fd, bytes, 0, PROGRESS_BYTES, 0);
    },
    close() {
      closeSync(fd);
    },
  };
}
