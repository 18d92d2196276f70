import type { Random } from '../../../common/random.ts';
import type { UserActionRecord } from '../../../schemas/generated/types.ts';
import type { DeadLetterReason } from '../../../schemas/reasons.ts';
import { uuidv7 } from '../../../common/uuid.ts';
import { WIRE_HEADER_BYTES, writeWireHeader } from '../../../schemas/wire.ts';
import { HOUR_MS } from '../../../common/time.ts';

/** A record as it is put on a topic. */
export interface RawRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface BadRecord extends RawRecord {
  readonly kind: string;
  readonly reason: DeadLetterReason;
}

/** What a kind of bad record is made from: a good action and the way to encode one. */
export interface BadInput {
  readonly action: UserActionRecord;
  encode(action: UserActionRecord): Buffer;
  /** A schema id that belongs to another topic's subject. */
  readonly foreignSchemaId: number;
  readonly nowMs: number;
  readonly random: Random;
}

type Make = (input: BadInput) => RawRecord;

/** No registry gives ids from the end. */
const UNKNOWN_SCHEMA_ID = 0x7fff_fff0;

/** The good record with one field changed; the key follows the value's user. */
const changed =
  (change: (input: BadInput) => Partial<UserActionRecord>): Make =>
  (input) => {
    const action = { ...input.action, ...change(input) };
    return { key: Buffer.from(action.user_id), value: input.encode(action) };
  };

/** The good record's bytes, changed. */
const bytes =
  (change: (value: Buffer, input: BadInput) => Buffer | null): Make =>
  (input) => ({
    key: Buffer.from(input.action.user_id),
    value: change(Buffer.from(input.encode(input.action)), input),
  });

function withSchema(value: Buffer, id: number): Buffer {
  writeWireHeader(value, 0, id);
  return value;
}

/** Replaces the first bytes of a text that the body holds. */
function scratched(value: Buffer, text: string): Buffer {
  const at = value.indexOf(text, WIRE_HEADER_BYTES);
  if (at < 0) throw new Error(`the value does not hold ${text}`);
  value[at] = 0xc3; // begins a sequence of two bytes
  value[at + 1] = 0x28; // which this does not continue
  return value;
}

const at = (ms: number, random: Random): Partial<UserActionRecord> => {
  const bits = Buffer.alloc(10);
  random.fill(bits);
  return { event_id: uuidv7(ms, bits), occurred_at: ms };
};

/** Each kind of record that has to be dead-lettered alone, and the reason it has to get. */
export const BAD_KINDS: Readonly<Record<string, { reason: DeadLetterReason; make: Make }>> = {
  'plain text': { reason: 'not_avro', make: bytes(() => Buffer.from('hello, not Avro')) },
  'an empty value': { reason: 'not_avro', make: bytes(() => Buffer.alloc(0)) },
  'a header alone cut short': { reason: 'not_avro', make: bytes((v) => v.subarray(0, 4)) },
  'a schema id nobody registered': {
    reason: 'unknown_schema',
    make: bytes((v) => withSchema(v, UNKNOWN_SCHEMA_ID)),
  },
  "another topic's schema": {
    reason: 'wrong_schema',
    make: bytes((v, { foreignSchemaId }) => withSchema(v, foreignSchemaId)),
  },
  'a truncated body': { reason: 'undecodable', make: bytes((v) => v.subarray(0, v.length >> 1)) },
  'bytes after the body': {
    reason: 'undecodable',
    make: bytes((v) => Buffer.concat([v, Buffer.from([1, 2, 3])])),
  },
  'a length beyond the body': {
    reason: 'undecodable',
    // The user id's length: the first byte behind the event id.
    make: bytes((v) => {
      v[WIRE_HEADER_BYTES + 16] = 0x7e;
      return v.subarray(0, WIRE_HEADER_BYTES + 30);
    }),
  },
  'a null value': { reason: 'null_value', make: bytes(() => null) },
  'no key': {
    reason: 'missing_key',
    make: ({ action, encode }) => ({ key: null, value: encode(action) }),
  },
  "another user's key": {
    reason: 'key_mismatch',
    make: ({ action, encode }) => ({ key: Buffer.from('somebody-else'), value: encode(action) }),
  },
  'invalid UTF-8': {
    reason: 'invalid_text',
    make: bytes((v, { action }) => scratched(v, action.app)),
  },
  'U+0000 in a text': {
    reason: 'invalid_text',
    make: changed(() => ({ properties: { note: 'a\0b' } })),
  },
  'an unknown action': {
    reason: 'unknown_action',
    make: changed(() => ({ action: 'teleport', value: null })),
  },
  'an action that is a word of JavaScript': {
    reason: 'unknown_action',
    make: changed(() => ({ action: 'constructor', value: null })),
  },
  'an empty user': { reason: 'missing_field', make: changed(() => ({ user_id: '' })) },
  'a rating without its value': {
    reason: 'missing_field',
    make: changed(() => ({ action: 'rate', value: null, movie_id: 7 })),
  },
  'a view without its movie': {
    reason: 'missing_field',
    make: changed(() => ({ action: 'view', value: null, movie_id: null })),
  },
  'a rating of six': {
    reason: 'out_of_range',
    make: changed(() => ({ action: 'rate', value: 6, movie_id: 7 })),
  },
  'a value that is no number': {
    reason: 'out_of_range',
    make: changed(() => ({ action: 'rate', value: Number.NaN, movie_id: 7 })),
  },
  'a movie below one': {
    reason: 'out_of_range',
    make: changed(() => ({ action: 'click', value: null, movie_id: -3 })),
  },
  'a position of zero': { reason: 'out_of_range', make: changed(() => ({ position: 0 })) },
  'an id of version 4': {
    reason: 'id_not_v7',
    make: changed(({ action }) => {
      const id = Buffer.from(action.event_id);
      id[6] = ((id[6] ?? 0) & 0x0f) | 0x40;
      return { event_id: id };
    }),
  },
  "an id of another time than the action's": {
    reason: 'id_time_mismatch',
    make: changed(({ action }) => ({ occurred_at: action.occurred_at - 1 })),
  },
  'from two hours ahead': {
    reason: 'event_from_future',
    make: changed(({ nowMs, random }) => at(nowMs + 2 * HOUR_MS, random)),
  },
  'from the last millisecond of a UUIDv7': {
    reason: 'event_from_future',
    make: changed(({ random }) => at(2 ** 48 - 1, random)),
  },
};

/** Megabytes of it: made apart, since a share of them would drown the rest. */
export function makeHuge(input: BadInput, megabytes: number): BadRecord {
  const body = Buffer.alloc(megabytes * 1024 * 1024, 'x');
  writeWireHeader(body, 0, 1);
  const key = Buffer.from(input.action.user_id);
  return { kind: `${megabytes} MB`, reason: 'too_large', key, value: body };
}

export const BAD_KIND_NAMES: readonly string[] = Object.keys(BAD_KINDS);

export function makeBad(kind: string, input: BadInput): BadRecord {
  const entry = BAD_KINDS[kind];
  if (entry === undefined) throw new Error(`no kind of bad record "${kind}"`);
  return { kind, reason: entry.reason, ...entry.make(input) };
}
