import type { UserActionRecord } from './generated/types.ts';
import type { Action } from './user-action.ts';
import { ACTIONS, VALUE_RULES } from './user-action.ts';
import { setEntry } from './strict-avro.ts';
import { WIRE_HEADER_BYTES } from './wire.ts';

/**
 * A second, narrow reader of UserAction version 1 for the hot path. It takes the record as it nearly
 * always is (ASCII text, few properties that JSON needn't escape, every rule of user-action.ts kept)
 * and leaves strings undecoded until they are asked for, so that a row can be copied from bytes to
 * bytes. Whatever is not plain gives null and goes the general way, through avsc and `validateUserAction`, which alone
 * say what is wrong. A property test holds the two together.
 */
export class PlainUserAction implements UserActionRecord {
  readonly bytes: Buffer;
  readonly action: Action;
  readonly movie_id: number | null;
  readonly value: number | null;
  readonly occurred_at: number;
  readonly position: number | null;
  /** Where each text's bytes begin, and how many they are; length -1 is null. */
  readonly userAt: number;
  readonly userLength: number;
  readonly sessionAt: number;
  readonly sessionLength: number;
  readonly requestAt: number;
  readonly deviceAt: number;
  readonly deviceLength: number;
  readonly appAt: number;
  readonly appLength: number;
  readonly versionAt: number;
  readonly versionLength: number;
  /** Properties: how many, and where the first key's length stands; `plainEntries` goes over them. */
  readonly entries: number;
  readonly entriesAt: number;
  #user: string | undefined;

  constructor(bytes: Buffer, at: Cursor) {
    this.bytes = bytes;
    this.action = at.action;
    this.movie_id = at.movieId;
    this.value = at.value;
    this.occurred_at = at.occurredAt;
    this.position = at.position;
    this.userAt = at.userAt;
    this.userLength = at.userLength;
    this.sessionAt = at.sessionAt;
    this.sessionLength = at.sessionLength;
    this.requestAt = at.requestAt;
    this.deviceAt = at.deviceAt;
    this.deviceLength = at.deviceLength;
    this.appAt = at.appAt;
    this.appLength = at.appLength;
    this.versionAt = at.versionAt;
    this.versionLength = at.versionLength;
    this.entries = at.entries;
    this.entriesAt = at.entriesAt;
  }

  get event_id(): Buffer {
    return this.bytes.subarray(EVENT_ID_AT, EVENT_ID_AT + 16);
  }
  get user_id(): string {
    return (this.#user ??= this.bytes.toString(
      'latin1',
      this.userAt,
      this.userAt + this.userLength,
    ));
  }
  get session_id(): string | null {
    return this.#text(this.sessionAt, this.sessionLength);
  }
  get request_id(): Buffer | null {
    return this.requestAt < 0 ? null : this.bytes.subarray(this.requestAt, this.requestAt + 16);
  }
  get device(): string | null {
    return this.#text(this.deviceAt, this.deviceLength);
  }
  get app(): string {
    return this.bytes.toString('latin1', this.appAt, this.appAt + this.appLength);
  }
  get app_version(): string | null {
    return this.#text(this.versionAt, this.versionLength);
  }
  get properties(): Readonly<Record<string, string>> {
    if (this.entries === 0) return NO_PROPERTIES;
    const map: Record<string, string> = {};
    let key = '';
    plainEntries(this, (at, length, isKey) => {
      const text = this.bytes.toString('latin1', at, at + length);
      if (isKey) key = text;
      else setEntry(map, key, text);
    });
    return map;
  }

  #text(at: number, length: number): string | null {
    return length < 0 ? null : this.bytes.toString('latin1', at, at + length);
  }
}

/** Passes each key and value of a plain action's properties, in their order. */
export function plainEntries(
  { bytes, entries, entriesAt }: PlainUserAction,
  pass: (at: number, length: number, isKey: boolean) => void,
): void {
  let at = entriesAt;
  for (let i = 0; i < 2 * entries; i++) {
    // A length of at most 1,024, zigzag: one byte or two.
    const low = bytes[at++] as number;
    const length = (low < 0x80 ? low : (low & 0x7f) | ((bytes[at++] as number) << 7)) >> 1;
    pass(at, length, i % 2 === 0);
    at += length;
  }
}

export const EVENT_ID_AT = WIRE_HEADER_BYTES;
const NO_PROPERTIES: Readonly<Record<string, string>> = Object.freeze({});

/** Bounds of user-action.ts; ASCII bytes are as many as characters. */
const USER_MAX = 256;
const SESSION_MAX = 256;
const WORD_MAX = 64;
const KEY_MAX = 64;
const PROPERTY_MAX = 1024;
/** More of them go the general way. */
export const PLAIN_ENTRIES_MAX = 8;

/** Actions by their length and first two letters, which tell them apart. */
const ACTION_BY_SIGNATURE = new Map(
  ACTIONS.map((a) => [signature(Buffer.from(a), 0, a.length), a]),
);
const ACTION_BYTES = new Map(ACTIONS.map((action) => [action, Buffer.from(action)]));

function signature(bytes: Buffer, at: number, length: number): number {
  return (length << 16) | ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** One for all calls: reading is synchronous, and what was read is copied out of it. */
class Cursor {
  at = 0;
  /** Something was not plain; what was read since means nothing. */
  odd = false;
  action: Action = 'view';
  movieId: number | null = null;
  value: number | null = null;
  occurredAt = 0;
  position: number | null = null;
  userAt = 0;
  userLength = 0;
  sessionAt = 0;
  sessionLength = 0;
  requestAt = 0;
  deviceAt = 0;
  deviceLength = 0;
  appAt = 0;
  appLength = 0;
  versionAt = 0;
  versionLength = 0;
  entries = 0;
  entriesAt = 0;

  /** Avro long: zigzag, 7 bits a byte, lowest first. Above 2^53 it is odd. */
  long(bytes: Buffer): number {
    let scale = 1;
    let n = 0;
    for (let i = 0; i < 8; i++) {
      const byte = bytes[this.at++];
      if (byte === undefined) break;
      n += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (n > Number.MAX_SAFE_INTEGER) break;
        return n % 2 === 0 ? n / 2 : -(n + 1) / 2;
      }
      scale *= 128;
    }
    this.odd = true;
    return 0;
  }

  /** The branch of a union of null and a type: true when there is a value. */
  present(bytes: Buffer): boolean {
    const branch = bytes[this.at++];
    if (branch === 2) return true;
    if (branch !== 0) this.odd = true;
    return false;
  }

  /** Passes over ASCII text without U+0000 and returns its length. */
  text(bytes: Buffer, lengthMax: number): number {
    const length = this.long(bytes);
    const end = this.at + length;
    if (length < 0 || length > lengthMax || end > bytes.length) {
      this.odd = true;
      return 0;
    }
    for (let i = this.at; i < end; i++) {
      const byte = bytes[i] as number;
      if (byte === 0 || byte >= 0x80) this.odd = true;
    }
    this.at = end;
    return length;
  }

  /** Passes over text that stands in JSON as it is: printable ASCII without quote and backslash. */
  jsonText(bytes: Buffer, lengthMax: number): number {
    const from = this.at;
    const length = this.text(bytes, lengthMax);
    // `plainEntries` takes the shortest form of a length for granted.
    if (this.at - length - from !== (length < 64 ? 1 : 2)) this.odd = true;
    for (let i = this.at - length; i < this.at; i++) {
      const byte = bytes[i] as number;
      if (byte < 0x20 || byte === 0x22 || byte === 0x5c || byte === 0x7f) this.odd = true;
    }
    return length;
  }
}

const cursor = new Cursor();

/** `value` begins with the wire header of a schema that equals UserAction version 1. */
export function readPlainUserAction(value: Buffer): PlainUserAction | null {
  const c = cursor;
  c.at = EVENT_ID_AT + 16;
  c.odd = false;
  c.userLength = c.text(value, USER_MAX);
  c.userAt = c.at - c.userLength;
  readAction(c, value);
  c.movieId = c.present(value) ? c.long(value) : null;
  c.value = c.present(value) ? readDouble(c, value) : null;
  c.occurredAt = c.long(value);
  c.sessionLength = c.present(value) ? c.text(value, SESSION_MAX) : -1;
  c.sessionAt = c.at - c.sessionLength;
  c.requestAt = c.present(value) ? c.at : -1;
  if (c.requestAt >= 0) c.at += 16;
  c.position = c.present(value) ? c.long(value) : null;
  c.deviceLength = c.present(value) ? c.text(value, WORD_MAX) : -1;
  c.deviceAt = c.at - c.deviceLength;
  c.appLength = c.text(value, WORD_MAX);
  c.appAt = c.at - c.appLength;
  c.versionLength = c.present(value) ? c.text(value, WORD_MAX) : -1;
  c.versionAt = c.at - c.versionLength;
  readEntries(c, value);
  const { odd } = c as { readonly odd: boolean }; // set by the calls above
  if (odd || c.at !== value.length || !keepsRules(c, value)) return null;
  return new PlainUserAction(value, c);
}

function readAction(c: Cursor, value: Buffer): void {
  const length = c.long(value);
  const start = c.at;
  c.at += length;
  const action =
    length < 2 || length > 11
      ? undefined
      : ACTION_BY_SIGNATURE.get(signature(value, start, length));
  const bytes = action === undefined ? undefined : ACTION_BYTES.get(action);
  if (action === undefined || bytes === undefined) {
    c.odd = true;
    return;
  }
  for (let i = 2; i < length; i++) if (value[start + i] !== bytes[i]) c.odd = true;
  c.action = action;
}

/** One block, or none; keys in the order that jsonb gives them, so none comes twice. */
function readEntries(c: Cursor, value: Buffer): void {
  c.entries = c.long(value);
  c.entriesAt = c.at;
  if (c.entries === 0) return;
  if (c.entries < 0 || c.entries > PLAIN_ENTRIES_MAX) {
    c.odd = true;
    return;
  }
  let lastAt = 0;
  let lastLength = -1;
  for (let i = 0; i < c.entries && !c.odd; i++) {
    const length = c.jsonText(value, KEY_MAX);
    const at = c.at - length;
    if (length < lastLength || (length === lastLength && !isAfter(value, at, lastAt, length)))
      c.odd = true;
    lastAt = at;
    lastLength = length;
    c.jsonText(value, PROPERTY_MAX);
  }
  if (value[c.at++] !== 0) c.odd = true;
}

function isAfter(bytes: Buffer, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) {
    const d = (bytes[a + i] as number) - (bytes[b + i] as number);
    if (d !== 0) return d > 0;
  }
  return false;
}

const double = new DataView(new ArrayBuffer(8));

function readDouble(c: Cursor, value: Buffer): number {
  for (let i = 0; i < 8; i++) double.setUint8(i, value[c.at + i] ?? 0);
  c.at += 8;
  return double.getFloat64(0, true);
}

/** The rules of validateUserAction, for what is left of them here. */
function keepsRules(c: Cursor, value: Buffer): boolean {
  if (c.userLength === 0 || c.appLength === 0) return false;
  if (c.position !== null && (c.position < 1 || c.position >= 2 ** 31)) return false;
  if (c.movieId === null ? c.action !== 'search' : c.movieId < 1) return false;
  const rule = VALUE_RULES[c.action];
  if (c.value === null) {
    if (rule.need === 'required') return false;
  } else if (rule.need === 'none' || !(c.value >= rule.min && c.value <= rule.max)) return false;
  const id = EVENT_ID_AT;
  if ((value[id + 6] as number) >> 4 !== 7 || (value[id + 8] as number) >> 6 !== 2) return false;
  const high = ((value[id] as number) << 8) | (value[id + 1] as number);
  const low =
    ((value[id + 2] as number) << 24) |
    ((value[id + 3] as number) << 16) |
    ((value[id + 4] as number) << 8) |
    (value[id + 5] as number);
  return high * 0x1_0000_0000 + (low >>> 0) === c.occurredAt;
}
