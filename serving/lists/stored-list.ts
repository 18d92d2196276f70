import { crc32 } from 'node:zlib';
import { answerHead, itemJson } from './answer-json.ts';
import { RANKER_VERSION } from './list.ts';
import type { Algorithm, ListIdentity, ListItem, RecommendationList } from './list.ts';
import { REASON_KINDS } from '../ranking/reasons.ts';

/*
 * A list in bytes, as Redis has it, big-endian:
 *
 *     0 mark | 4 generation f64 | 12 profile version f64 | 20 made at f64 | 28 holds until f64
 *     36 items in all u16 | 38 listed items u16 | 40 algorithm u8 | 41 of the log: items u8, bytes u32
 *     46 identity bytes u16 | 48 items x (movie f64, score f64, reason u8, its movie f64)
 *     identity | head and first items in JSON | log | crc32 of all but the mark and itself
 *
 * The first 28 bytes say how new it is and are compared in Redis: doubles from 0 on sort as bytes. Behind the
 * listed items stands what may be explored. The first items' JSON is sent as it stands, with the log of as
 * many: most reads ask for no more, so no more is kept in both forms. `log` means nothing here.
 */
const MARK = Buffer.from('MQL2');
const FIXED_BYTES = 48;
const CRC_BYTES = 4;
const ENTRY_BYTES = 25;

// By their place: more may be added at the end.
const ALGORITHMS: readonly Algorithm[] = [
  'item_item',
  'fold_in',
  'batch',
  'trending',
  'popularity',
];
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

/** `log` is of the first items, at most 255. */
export function encodeStoredList(list: RecommendationList, log: LoggedPart): Buffer {
  const identity = storedIdentity(list);
  const first = list.items.slice(0, log.items).map((item, i) => itemJson(item, i + 1));
  const json = answerHead(list) + first.join(',');
  const jsonBytes = Buffer.byteLength(json);
  const all = [...list.items, ...list.pool];
  const identityAt = FIXED_BYTES + ENTRY_BYTES * all.length;
  const jsonAt = identityAt + identity.length;
  const logAt = jsonAt + jsonBytes;
  const value = Buffer.alloc(logAt + log.bytes.length + CRC_BYTES);
  MARK.copy(value);
  value.writeDoubleBE(list.generation, 4);
  value.writeDoubleBE(list.profileVersion, 12);
  value.writeDoubleBE(list.madeAt, 20);
  value.writeDoubleBE(list.holdsUntil, 28);
  value.writeUInt16BE(all.length, 36);
  value.writeUInt16BE(list.items.length, 38);
  value.writeUInt8(ALGORITHMS.indexOf(list.algorithm), 40);
  value.writeUInt8(log.items, 41);
  value.writeUInt32BE(log.bytes.length, 42);
  value.writeUInt16BE(identity.length, 46);
  all.forEach(({ movieId, score, reason }, i) => {
    const at = FIXED_BYTES + ENTRY_BYTES * i;
    value.writeDoubleBE(movieId, at);
    value.writeDoubleBE(score, at + 8);
    value.writeUInt8(REASON_KINDS.indexOf(reason.kind), at + 16);
    value.writeDoubleBE('movieId' in reason ? reason.movieId : 0, at + 17);
  });
  identity.copy(value, identityAt);
  value.write(json, jsonAt);
  log.bytes.copy(value, logAt);
  value.writeUInt32BE(checksum(value), value.length - CRC_BYTES);
  return value;
}

function checksum(value: Buffer): number {
  return crc32(value.subarray(MARK.length, value.length - CRC_BYTES));
}

/** A stored list, of which only what is asked for is read. */
export interface StoredList {
  readonly algorithm: Algorithm;
  readonly generation: number;
  readonly profileVersion: number;
  readonly madeAt: number;
  readonly holdsUntil: number;
  /** Of the list, and with what may be explored. */
  readonly count: number;
  readonly all: number;
  /** By index below `all`. */
  movieId(index: number): number;
  item(index: number): ListItem;
  /**
   * The answer's JSON from its head to the end of the first `log.items`, to be closed by `]}`, as a text with a
   * character for each byte.
   */
  latin1(): string;
  /** Of its first items; a view into the value. */
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
  const identityAt = FIXED_BYTES + ENTRY_BYTES * all;
  const jsonAt = identityAt + value.readUInt16BE(46);
  if (identity.compare(value, identityAt, jsonAt) !== 0)
    return hasKeyOf(value.subarray(identityAt, jsonAt), identity) ? 'other_identity' : 'foreign';
  const logAt = end - value.readUInt32BE(42);
  return {
    algorithm: ALGORITHMS[value.readUInt8(40)] ?? 'item_item',
    generation: value.readDoubleBE(4),
    profileVersion: value.readDoubleBE(12),
    madeAt: value.readDoubleBE(20),
    holdsUntil: value.readDoubleBE(28),
    count: value.readUInt16BE(38),
    all,
    movieId: (index) => value.readDoubleBE(FIXED_BYTES + ENTRY_BYTES * index),
    item: (index) => itemAt(value, FIXED_BYTES + ENTRY_BYTES * index),
    latin1: () => value.toString('latin1', jsonAt, logAt),
    log: { items: value.readUInt8(41), bytes: value.subarray(logAt, end) },
  };
}

function itemAt(value: Buffer, at: number): ListItem {
  const kind = REASON_KINDS[value.readUInt8(at + 16)] ?? 'popular';
  const reason =
    kind === 'because_you' || kind === 'often_after'
      ? { kind, movieId: value.readDoubleBE(at + 17) }
      : { kind };
  const movieId = value.readDoubleBE(at);
  return { movieId, score: value.readDoubleBE(at + 8), propensity: 1, reason };
}
