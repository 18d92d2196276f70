import { crc32 } from 'node:zlib';
import { answerHead, itemJson } from './answer-json.ts';
import { RANKER_VERSION } from './list.ts';
import type { ListIdentity, RecommendationList } from './list.ts';

/*
 * A list in bytes, as Redis has it, big-endian:
 *
 *     0 mark | 4 generation f64 | 12 profile version f64 | 20 made at f64 | 28 holds until f64
 *     36 items in all u16 | 38 identity bytes u16 | 40 head bytes u32
 *     44 log bytes u32 | 48 logged items u16 | 50 listed items u16
 *     52 items x (movie f64, end of its JSON u32) | identity | head and items | log
 *     crc32 of all but the mark and itself
 *
 * Behind the listed items stands what may be explored. The first 28 bytes say how new it is and are compared in Redis: doubles from 0 on sort as bytes. The
 * JSON is sent as it stands; `log` is what the serve log wants of the first items, and means nothing here.
 */
const MARK = Buffer.from('MQL2');
const FIXED_BYTES = 52;
const CRC_BYTES = 4;
const ENTRY_BYTES = 12;

/** What the serve log wants of a list's first items. */
export interface LoggedPart {
  readonly items: number;
  readonly bytes: Buffer;
}

/** Whether two identities are of one user, surface and arm: what a key is made of. */
function hasKeyOf(stored: Buffer, wanted: Buffer): boolean {
  const keyOf = (identity: Buffer): string => {
    const [, surface, , arm, , ...user] = identity.toString().split('\0');
    return [surface, arm, ...user].join('\0');
  };
  return keyOf(stored) === keyOf(wanted);
}

export function storedIdentity(identity: ListIdentity): Buffer {
  const { userId, surface, surfaceVersion, arm, modelVersion } = identity;
  return Buffer.from(
    [RANKER_VERSION, surface, surfaceVersion, arm ?? '', modelVersion ?? '', userId].join('\0'),
  );
}

export function encodeStoredList(list: RecommendationList, log: LoggedPart): Buffer {
  const identity = storedIdentity(list);
  let json = answerHead(list);
  const headBytes = Buffer.byteLength(json);
  const all = [...list.items, ...list.pool];
  const items = all.map((item, i) => itemJson(item, i + 1));
  json += items.join(',');
  const jsonBytes = Buffer.byteLength(json);
  const entries = FIXED_BYTES + ENTRY_BYTES * items.length;
  const value = Buffer.alloc(entries + identity.length + jsonBytes + log.bytes.length + CRC_BYTES);
  MARK.copy(value);
  value.writeDoubleBE(list.generation, 4);
  value.writeDoubleBE(list.profileVersion, 12);
  value.writeDoubleBE(list.madeAt, 20);
  value.writeDoubleBE(list.holdsUntil, 28);
  value.writeUInt16BE(items.length, 36);
  value.writeUInt16BE(identity.length, 38);
  value.writeUInt32BE(headBytes, 40);
  value.writeUInt32BE(log.bytes.length, 44);
  value.writeUInt16BE(log.items, 48);
  value.writeUInt16BE(list.items.length, 50);
  let end = headBytes;
  all.forEach(({ movieId }, i) => {
    end += (i === 0 ? 0 : 1) + Buffer.byteLength(items[i] as string);
    value.writeDoubleBE(movieId, FIXED_BYTES + ENTRY_BYTES * i);
    value.writeUInt32BE(end, FIXED_BYTES + ENTRY_BYTES * i + 8);
  });
  identity.copy(value, entries);
  value.write(json, entries + identity.length);
  log.bytes.copy(value, entries + identity.length + jsonBytes);
  value.writeUInt32BE(checksum(value), value.length - CRC_BYTES);
  return value;
}

function checksum(value: Buffer): number {
  return crc32(value.subarray(MARK.length, value.length - CRC_BYTES));
}

/** A stored list, not yet parsed. */
export interface StoredList {
  readonly generation: number;
  readonly profileVersion: number;
  readonly madeAt: number;
  readonly holdsUntil: number;
  /** Of the list, and with what may be explored. */
  readonly count: number;
  readonly all: number;
  /** By index below `all`. */
  movieId(index: number): number;
  /** The answer's JSON from its head to the end of the first `items`, to be closed by `]}`. */
  json(items: number): Buffer;
  /** The same as a text with a character for each byte. */
  latin1(items: number): string;
  /** Of its first `items`; views into the value. */
  readonly log: LoggedPart;
}

/**
 * Foreign is what will never be of use under its key, and must not keep a list from being stored there. Of
 * another model, ranker or version of the surface it may be the better one for somebody else.
 */
export type Unusable = 'foreign' | 'other_identity';

/**
 * What stands under a list's key, checked: bytes of others, a damaged list, one of another user, surface or
 * arm, and one of another model, ranker or version of the surface are told from a list that is to be used.
 */
export function readStoredList(value: Buffer, identity: Buffer): StoredList | Unusable {
  const end = value.length - CRC_BYTES;
  if (end < FIXED_BYTES || MARK.compare(value, 0, MARK.length) !== 0) return 'foreign';
  if (value.readUInt32BE(end) !== checksum(value)) return 'foreign';
  const all = value.readUInt16BE(36);
  const entries = FIXED_BYTES + ENTRY_BYTES * all;
  const jsonAt = entries + value.readUInt16BE(38);
  if (identity.compare(value, entries, jsonAt) !== 0)
    return hasKeyOf(value.subarray(entries, jsonAt), identity) ? 'other_identity' : 'foreign';
  const endOf = (index: number): number =>
    index < 0 ? value.readUInt32BE(40) : value.readUInt32BE(FIXED_BYTES + ENTRY_BYTES * index + 8);
  return {
    generation: value.readDoubleBE(4),
    profileVersion: value.readDoubleBE(12),
    madeAt: value.readDoubleBE(20),
    holdsUntil: value.readDoubleBE(28),
    count: value.readUInt16BE(50),
    all,
    movieId: (index) => value.readDoubleBE(FIXED_BYTES + ENTRY_BYTES * index),
    json: (items) => value.subarray(jsonAt, jsonAt + endOf(Math.min(items, all) - 1)),
    latin1: (items) => value.toString('latin1', jsonAt, jsonAt + endOf(Math.min(items, all) - 1)),
    log: {
      items: value.readUInt16BE(48),
      bytes: value.subarray(end - value.readUInt32BE(44), end),
    },
  };
}
