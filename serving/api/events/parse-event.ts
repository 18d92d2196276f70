import type { UserAction, UserActionRecord } from '../../../schemas/generated/types.ts';
import { validateUserAction } from '../../../schemas/user-action.ts';
import {
  createUuidv7Source,
  formatUuid,
  isUuidv7,
  parseUuid,
  uuidTimeMs,
} from '../../../common/uuid.ts';
import { MINUTE_MS } from '../../../common/time.ts';
import type { ApiKey } from '../keys/api-key.ts';
import { correctId } from './clock.ts';
import type { Json } from './event-batch.ts';

/** An event that can't be taken, and never will be as it is. */
export interface EventFault {
  readonly eventId: string | null;
  readonly code: string;
  readonly field: string | null;
  readonly message: string;
}

export interface ReadEvent {
  readonly record: UserAction;
  /** As the client gave it; null where it gave none. */
  readonly eventId: string | null;
}

type Kind = 'text' | 'number' | 'time' | 'uuid' | 'map';

const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['event_id', 'uuid'],
  ['user_id', 'text'],
  ['action', 'text'],
  ['movie_id', 'number'],
  ['value', 'number'],
  ['occurred_at', 'time'],
  ['session_id', 'text'],
  ['request_id', 'uuid'],
  ['position', 'number'],
  ['device', 'text'],
  ['app', 'text'],
  ['app_version', 'text'],
  ['properties', 'map'],
]);

const EXPECTED: Readonly<Record<Kind, string>> = {
  text: 'a string',
  number: 'a number',
  time: 'epoch milliseconds, or a time with its zone (2026-11-20T12:00:00Z)',
  uuid: 'a UUID in canonical form',
  map: 'an object of strings',
};

const ISO_TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)$/;
export const EVENT_BYTES_MAX = 32 * 1024;
/** As the processors have it: later ones they would refuse. */
const FUTURE_MS = 5 * MINUTE_MS;

/** Makes ids for events that have none. */
export type MakeId = (ms: number) => Buffer;
export const createMakeId: () => MakeId = createUuidv7Source;

/** Reads one event by the rules that the SDK and the processors have; `correction` is for its time. */
export function parseEvent(
  given: unknown,
  key: Pick<ApiKey, 'app' | 'userId'>,
  clock: { readonly nowMs: number; correction(eventId: string | null): number },
  makeId: MakeId,
): ReadEvent | EventFault {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return { eventId: null, code: 'invalid_event', field: null, message: 'it is no JSON object' };
  const fields = given as Json;
  const named = fields['event_id'];
  const eventId = typeof named === 'string' ? named.slice(0, 64) : null;
  const fault = (code: string, field: string, message: string): EventFault => ({
    eventId,
    code,
    field,
    message,
  });
  for (const [field, value] of Object.entries(fields)) {
    const kind = KINDS.get(field);
    if (kind === undefined) {
      const name = field.slice(0, 64);
      return fault('unknown_field', name, `${name} is no field of an event: see properties`);
    }
    if (value !== null && !isKind(value, kind))
      return fault('wrong_type', field, `${field} is not ${EXPECTED[kind]}`);
  }
  const app = fields['app'] ?? key.app;
  if (app !== key.app)
    return fault('wrong_app', 'app', `app is not ${key.app}, which the key is for`);
  const record = recordOf(fields, key.app, clock, eventId, makeId);
  if (record.occurred_at > clock.nowMs + FUTURE_MS)
    return fault(
      'event_from_future',
      'occurred_at',
      "occurred_at lies in the future: send sent_at too, and the client's clock is corrected",
    );
  const found = validateUserAction(record);
  if (found !== null) return fault(found.reason, found.field, found.message);
  if (key.userId !== null && key.userId !== record.user_id)
    return fault('wrong_user', 'user_id', 'the key is bound to another user');
  return { record: record as UserAction, eventId };
}

function recordOf(
  fields: Json,
  app: string,
  clock: { readonly nowMs: number; correction(eventId: string | null): number },
  eventId: string | null,
  makeId: MakeId,
): UserActionRecord {
  const id = eventId === null ? null : parseUuid(eventId);
  const time = fields['occurred_at'] as string | number | null | undefined;
  const saidMs =
    time !== undefined && time !== null
      ? new Date(time).getTime()
      : id !== null && isUuidv7(id)
        ? uuidTimeMs(id)
        : null;
  // An event with neither time nor id happened now, by the clock here.
  const correction = saidMs === null ? 0 : clock.correction(eventId);
  const ms = saidMs === null ? clock.nowMs : saidMs + correction;
  // Where id and time don't agree, both stay as they are: the rules say so.
  const agrees = id !== null && isUuidv7(id) && uuidTimeMs(id) === saidMs;
  const isCorrected = correction !== 0 && agrees && ms >= 0 && ms < 2 ** 48;
  const request = fields['request_id'] as string | null | undefined;
  const word = (name: string): string | null => (fields[name] as string | null | undefined) ?? null;
  const number = (name: string): number | null =>
    (fields[name] as number | null | undefined) ?? null;
  const isTime = ms >= 0 && ms < 2 ** 48;
  return {
    event_id: id === null ? makeId(isTime ? ms : 0) : isCorrected ? correctId(id, ms) : id,
    user_id: word('user_id') ?? '',
    action: word('action') ?? '',
    movie_id: number('movie_id'),
    value: number('value'),
    occurred_at: id !== null && !isCorrected ? (saidMs ?? ms) : ms,
    session_id: word('session_id'),
    request_id: typeof request === 'string' ? parseUuid(request) : null,
    position: number('position'),
    device: word('device'),
    app,
    app_version: word('app_version'),
    properties: (fields['properties'] as Record<string, string> | null | undefined) ?? {},
  };
}

export function idOf(event: ReadEvent): string {
  return event.eventId ?? formatUuid(event.record.event_id);
}

export function isFault(event: ReadEvent | EventFault): event is EventFault {
  return 'code' in event;
}

function isKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'uuid':
      return typeof value === 'string' && parseUuid(value) !== null;
    case 'time':
      return typeof value === 'string' ? isIsoTime(value) : Number.isInteger(value);
    case 'map':
      return (
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        Object.values(value).every((entry) => typeof entry === 'string')
      );
  }
}

/** A 30th of February would be taken for the 2nd of March. */
function isIsoTime(text: string): boolean {
  if (!ISO_TIME.test(text) || Number.isNaN(Date.parse(text))) return false;
  const date = text.slice(0, 10);
  const midnight = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
}
