import { setEntry } from './strict-avro.ts';
import { readUtf8 } from '../common/utf8.ts';

/**
 * Reading Avro's binary form by hand, for the generated readers. Same values as strict-avro.ts, in
 * less than half the time; a property test holds the two together.
 *
 * A reader may run past the end and must then be thrown away: `readWhole` checks once, and what
 * could be costly before that (lists, text) checks by itself.
 */
export interface Cursor {
  bytes: Buffer;
  at: number;
  /** Text seen lately, by a hash of its bytes: fields with few values share their strings. */
  readonly words: (string | undefined)[];
}

const WORD_SLOTS = 512;
const WORD_BYTES_MAX = 32;

export function createCursor(): Cursor {
  return { bytes: Buffer.alloc(0), at: 0, words: new Array<string | undefined>(WORD_SLOTS) };
}

/** Reads one value from `start` to the end of the bytes. Throws unless it ends exactly there. */
export function readWhole<T>(
  cursor: Cursor,
  read: (cursor: Cursor) => T,
  bytes: Buffer,
  start: number,
): T {
  cursor.bytes = bytes;
  cursor.at = start;
  const value = read(cursor);
  const left = bytes.length - cursor.at;
  if (left < 0) throw new RangeError('truncated');
  if (left > 0) throw new RangeError(`${left} bytes left over`);
  return value;
}

export function readLong(cursor: Cursor): number {
  const { bytes } = cursor;
  let byte = bytes[cursor.at] as number;
  cursor.at += 1;
  if (byte < 0x80) return (byte >> 1) ^ -(byte & 1);
  let low = byte & 0x7f;
  let shift = 7;
  do {
    byte = bytes[cursor.at] as number;
    cursor.at += 1;
    low |= (byte & 0x7f) << shift;
    shift += 7;
  } while (byte >= 0x80 && shift < 28);
  return byte >= 0x80 ? readWideLong(cursor, low) : (low >> 1) ^ -(low & 1);
}

/**
 * Beyond 28 bits: the rest in floating point. Sign and magnitude are told apart before they meet,
 * so every safe integer is exact; what is beyond comes out near its value, and unsafe.
 */
function readWideLong(cursor: Cursor, low: number): number {
  let high = 0;
  let factor = 1;
  let byte: number;
  do {
    byte = cursor.bytes[cursor.at] as number;
    cursor.at += 1;
    high += (byte & 0x7f) * factor;
    factor *= 128;
  } while (byte >= 0x80);
  const magnitude = high * 2 ** 27 + (low >>> 1);
  return (low & 1) === 0 ? magnitude : -magnitude - 1;
}

export function readDouble(cursor: Cursor): number {
  const { bytes, at } = cursor;
  if (at + 8 > bytes.length) throw new RangeError('truncated: a number ends beyond');
  cursor.at = at + 8;
  return bytes.readDoubleLE(at);
}

/** True when the second branch of a `["null", type]` follows. */
export function readOption(cursor: Cursor): boolean {
  const branch = readLong(cursor);
  if (branch === 1) return true;
  if (branch === 0) return false;
  throw new RangeError(`a union has no branch ${branch}`);
}

/** Shares the memory of the bytes that are read. */
export function readFixed(cursor: Cursor, size: number): Buffer {
  const start = cursor.at;
  cursor.at = start + size;
  return cursor.bytes.subarray(start, start + size);
}

export function readText(cursor: Cursor): string {
  const end = endOf(cursor);
  const start = cursor.at;
  cursor.at = end;
  return readUtf8(cursor.bytes, start, end);
}

export function readBytes(cursor: Cursor): Buffer {
  const end = endOf(cursor);
  const start = cursor.at;
  cursor.at = end;
  return cursor.bytes.subarray(start, end);
}

function endOf(cursor: Cursor): number {
  const length = readLong(cursor);
  const end = cursor.at + length;
  // Written so that NaN fails too.
  if (length >= 0 && end <= cursor.bytes.length) return end;
  throw new RangeError('truncated: a string ends beyond');
}

/** Text of a field that has few values: the string of an earlier record where it is the same. */
export function readWord(cursor: Cursor): string {
  const { bytes, words } = cursor;
  const end = endOf(cursor);
  const start = cursor.at;
  if (end - start > WORD_BYTES_MAX) {
    cursor.at = end;
    return readUtf8(bytes, start, end);
  }
  let hash = end - start;
  for (let at = start; at < end; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
  const slot = (hash ^ (hash >>> 9)) & (WORD_SLOTS - 1);
  const word = words[slot];
  cursor.at = end;
  if (word !== undefined && isSame(word, bytes, start, end)) return word;
  const fresh = readUtf8(bytes, start, end);
  words[slot] = fresh;
  return fresh;
}

/** Only ASCII can compare equal: a wider character's code is no byte of its UTF-8. */
function isSame(word: string, bytes: Buffer, start: number, end: number): boolean {
  if (word.length !== end - start) return false;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number;
    if (byte >= 0x80 || word.charCodeAt(at - start) !== byte) return false;
  }
  return true;
}

/** The number of items in the next block of a list; 0 ends it. Each takes a byte at least. */
function readBlock(cursor: Cursor): number {
  let count = readLong(cursor);
  if (count < 0) {
    count = -count;
    readLong(cursor);
  }
  if (count <= cursor.bytes.length - cursor.at) return count;
  throw new RangeError('truncated: a list ends beyond');
}

export function readArray<T>(cursor: Cursor, read: (cursor: Cursor) => T): T[] {
  const items: T[] = [];
  for (let count = readBlock(cursor); count > 0; count = readBlock(cursor)) {
    for (; count > 0; count -= 1) items.push(read(cursor));
  }
  return items;
}

export function readMap<T>(cursor: Cursor, read: (cursor: Cursor) => T): Record<string, T> {
  const map: Record<string, T> = {};
  for (let count = readBlock(cursor); count > 0; count = readBlock(cursor)) {
    for (; count > 0; count -= 1) {
      const key = readWord(cursor);
      setEntry(map, key, read(cursor));
    }
  }
  return map;
}
