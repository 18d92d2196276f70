import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { MarqueeError } from '../../common/error.ts';

const CHUNK_BYTES = 1 << 20;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export interface TextLine {
  /** From 1, as an editor counts. */
  readonly number: number;
  /** Without its end; null when it is longer than the bound. */
  readonly bytes: Buffer | null;
}

/** SHA-256 (hex) of a file's bytes. Throws MARQUEE_IMPORT_FILE. */
export async function hashFile(file: string): Promise<string> {
  const sum = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES }))
      sum.update(chunk as Buffer);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  return sum.digest('hex');
}

export function unreadable(file: string, cause: unknown): MarqueeError {
  const said = (cause as Error).message;
  return new MarqueeError('MARQUEE_IMPORT_FILE', `${file} can't be read: ${said}`, { cause });
}

export function changed(file: string): MarqueeError {
  return new MarqueeError(
    'MARQUEE_IMPORT_FILE',
    `${file} changed while it was read. Let its writer end, then run the command again`,
  );
}

/** The bytes of a file, each also told to `onBytes`; those of a .gz unpacked. */
export function readBytes(file: string, onBytes: (bytes: Buffer) => void): AsyncIterable<Buffer> {
  async function* raw(): AsyncGenerator<Buffer> {
    for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) {
      onBytes(chunk as Buffer);
      yield chunk as Buffer;
    }
  }
  if (!file.endsWith('.gz')) return raw();
  return pipeline(raw, createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined);
}

/**
 * Cuts bytes into lines, a batch of them for each piece. Takes LF and CRLF, and leaves out a byte
 * order mark. A line beyond `lineBytesMax` is a broken file's, and must not fill memory.
 */
export async function* splitLines(
  pieces: AsyncIterable<Buffer>,
  lineBytesMax: number,
): AsyncGenerator<readonly TextLine[], void, undefined> {
  let number = 0;
  let rest: Buffer = Buffer.alloc(0);
  /** Inside a line that is too long: dropped up to its end. */
  let isDropping = false;

  function cut(line: Buffer): TextLine {
    number += 1;
    const end = line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length;
    const begin = number === 1 && line.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
    const bytes = line.subarray(begin, end);
    const isTooLong = isDropping || bytes.length > lineBytesMax;
    isDropping = false;
    return { number, bytes: isTooLong ? null : bytes };
  }

  for await (const piece of pieces) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const lines: TextLine[] = [];
    let from = 0;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, from)) {
      lines.push(cut(bytes.subarray(from, at)));
      from = at + 1;
    }
    rest = bytes.subarray(from);
    if (rest.length > lineBytesMax + 4) {
      isDropping = true;
      rest = rest.subarray(0, lineBytesMax);
    }
    yield lines;
  }
  if (rest.length > 0) yield [cut(rest)];
}
