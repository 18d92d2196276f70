import { crc32 } from 'node:zlib';

/*
 * A record in a spool's file: two bytes that no UTF-8 text has, the CRC-32 of all that follows it,
 * then version of the form, version of the value's schema, length of the key (uint16) and of the
 * value (uint32), key, value. Numbers are big-endian. Each frame stands for itself, so behind damage
 * reading goes on at the next one that is whole.
 */
const MAGIC = Buffer.from([0xff, 0xf5]);
const CRC_AT = 2;
const FORM_AT = 6;
const SCHEMA_AT = 7;
const KEY_LENGTH_AT = 8;
const VALUE_LENGTH_AT = 10;
export const FRAME_HEAD_BYTES = 14;
const FORM = 1;

/** Whoever writes leaves a larger record out; so a damaged length can't make a reader read on and on. */
export const FRAME_BYTES_MAX = 4 * 1024 * 1024;

/** Fills in the head of a frame whose key and value stand in place already. */
export function sealFrame(
  bytes: Buffer,
  start: number,
  schemaVersion: number,
  keyLength: number,
  end: number,
): void {
  bytes[start] = MAGIC[0] as number;
  bytes[start + 1] = MAGIC[1] as number;
  bytes[start + FORM_AT] = FORM;
  bytes[start + SCHEMA_AT] = schemaVersion;
  bytes.writeUInt16BE(keyLength, start + KEY_LENGTH_AT);
  bytes.writeUInt32BE(end - start - FRAME_HEAD_BYTES - keyLength, start + VALUE_LENGTH_AT);
  bytes.writeUInt32BE(crc32(bytes.subarray(start + FORM_AT, end)), start + CRC_AT);
}

/** Views into what was read. */
export interface Frame {
  readonly schemaVersion: number;
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface ParsedFrames {
  readonly frames: readonly Frame[];
  /** Where the next reading begins: what is before it was looked at for good. */
  readonly consumed: number;
  /** Behind the last whole frame. */
  readonly wholeEnd: number;
  /** Stretches of bytes that are no frame, but for one behind the last whole frame of all. */
  readonly damaged: number;
}

/**
 * The whole frames in bytes that begin at a frame's start, or anywhere. `last` says that nothing
 * follows the bytes; else a frame that may go on behind them is left for the next reading.
 */
export function parseFrames(bytes: Buffer, last: boolean): ParsedFrames {
  const frames: Frame[] = [];
  let at = 0;
  let wholeEnd = 0;
  let damaged = 0;
  while (at < bytes.length) {
    const end = frameEnd(bytes, at);
    if (end === 'beyond' && !last) break;
    if (typeof end === 'string') {
      at = nextMagic(bytes, at + 1, last);
      continue;
    }
    if (at > wholeEnd) damaged += 1;
    frames.push(frameAt(bytes, at, end));
    at = end;
    wholeEnd = end;
  }
  if (!last && at > wholeEnd) damaged += 1;
  return { frames, consumed: at, wholeEnd, damaged };
}

/** The frames in bytes that this process wrote itself: nothing of them can be torn or damaged. */
export function splitFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + lengthOf(bytes, at);
    frames.push(frameAt(bytes, at, end));
    at = end;
  }
  return frames;
}

function lengthOf(bytes: Buffer, at: number): number {
  const keyLength = bytes.readUInt16BE(at + KEY_LENGTH_AT);
  return FRAME_HEAD_BYTES + keyLength + bytes.readUInt32BE(at + VALUE_LENGTH_AT);
}

function frameEnd(bytes: Buffer, at: number): number | 'beyond' | 'none' {
  if (bytes[at] !== MAGIC[0]) return 'none';
  if (at + FRAME_HEAD_BYTES > bytes.length) return 'beyond';
  if (bytes[at + 1] !== MAGIC[1] || bytes[at + FORM_AT] !== FORM) return 'none';
  const length = lengthOf(bytes, at);
  if (length > FRAME_BYTES_MAX) return 'none';
  const end = at + length;
  if (end > bytes.length) return 'beyond';
  return bytes.readUInt32BE(at + CRC_AT) === crc32(bytes.subarray(at + FORM_AT, end))
    ? end
    : 'none';
}

/** Where the next frame may begin; the bytes' end where there is none. */
function nextMagic(bytes: Buffer, from: number, last: boolean): number {
  const found = bytes.indexOf(MAGIC, from);
  if (found >= 0) return found;
  // The first byte of one may stand alone at the end.
  const half = !last && from < bytes.length && bytes.at(-1) === MAGIC[0];
  return half ? bytes.length - 1 : bytes.length;
}

function frameAt(bytes: Buffer, at: number, end: number): Frame {
  const keyAt = at + FRAME_HEAD_BYTES;
  const valueAt = keyAt + bytes.readUInt16BE(at + KEY_LENGTH_AT);
  return {
    schemaVersion: bytes[at + SCHEMA_AT] as number,
    key: bytes.subarray(keyAt, valueAt),
    value: bytes.subarray(valueAt, end),
  };
}
