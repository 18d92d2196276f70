import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { jsonbOfMap } from '../../../connectors/postgres/jsonb.ts';
import type { UserActionRecord } from '../../../schemas/generated/types.ts';
import { validateUserAction } from '../../../schemas/user-action.ts';
import { isUuidv7, parseUuid, uuidTimeMs, uuidv7 } from '../../../common/uuid.ts';
import { isFault } from '../row-fault.ts';
import type { RowFault } from '../row-fault.ts';

/** The app of actions that name none. */
export const HISTORY_APP = 'backfill';

/** Below it a number is seconds, or of before March 1973. */
const EPOCH_MS_MIN = 100_000_000_000;
const ISO_TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/;
const ID_LENGTH_MAX = 256;

type Kind = 'text' | 'number' | 'time' | 'id' | 'uuid' | 'map';

const KINDS: Readonly<Record<string, Kind>> = {
  event_id: 'id',
  user_id: 'text',
  action: 'text',
  movie_id: 'number',
  value: 'number',
  occurred_at: 'time',
  session_id: 'text',
  request_id: 'uuid',
  position: 'number',
  device: 'text',
  app: 'text',
  app_version: 'text',
  properties: 'map',
};

/** Each field by its name, and by the one that the SDK's calls have for it: userId for user_id. */
const FIELDS: ReadonlyMap<string, string> = new Map(
  Object.keys(KINDS).flatMap((name) => [
    [name, name],
    [name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), name],
  ]),
);

const EXPECTED: Readonly<Record<Kind, string>> = {
  text: 'a string',
  number: 'a number',
  time: 'a time with its zone (2018-09-24T14:27:30Z) or epoch milliseconds',
  id: 'a string',
  uuid: 'a UUID in canonical form, or none',
  map: 'an object of strings',
};

type Given = Readonly<Record<string, unknown>>;

/**
 * The action of a line of JSON, by the rules that the SDK and the processors have. Its id: a UUIDv7
 * of its time as it is; any other id as a UUIDv7 of the action's time and a hash of that id;
 * without one, a hash of all that the line says takes its place. So a line gives the same id in
 * every file.
 */
export function parseAction(line: Buffer, plannedAtMs: number): UserActionRecord | RowFault {
  if (!isUtf8(line)) return { kind: 'bad line', reason: 'invalid UTF-8' };
  const given = parseFields(line.toString());
  if (isFault(given)) return given;
  const ms = timeOf(given, plannedAtMs);
  if (typeof ms !== 'number') return ms;
  const named = given as Partial<Omit<UserActionRecord, 'event_id' | 'request_id'>>;
  const request = given['request_id'] as string | undefined;
  const action: Omit<UserActionRecord, 'event_id'> = {
    user_id: named.user_id ?? '',
    action: named.action ?? '',
    movie_id: named.movie_id ?? null,
    value: named.value ?? null,
    occurred_at: ms,
    session_id: named.session_id ?? null,
    request_id: request === undefined ? null : parseUuid(request),
    position: named.position ?? null,
    device: named.device ?? null,
    app: named.app ?? HISTORY_APP,
    app_version: named.app_version ?? null,
    properties: named.properties ?? {},
  };
  const record = { event_id: idOf(given['event_id'] as string | undefined, action), ...action };
  const problem = validateUserAction(record);
  return problem === null ? record : { kind: 'breaks a rule', reason: problem.message };
}

/** Fields by the names of the records, each of its kind; null is as if it were not there. */
function parseFields(text: string): Given | RowFault {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const said = `no JSON object in one line (${(error as Error).message})`;
    return { kind: 'bad line', reason: said };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return { kind: 'bad line', reason: `${quote(parsed)} is no JSON object of an action` };
  const given: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parsed)) {
    const field = FIELDS.get(key);
    if (field === undefined) return unknownField(key);
    if (value === null) continue;
    const kind = KINDS[field] as Kind;
    if (!isKind(value, kind)) return wrongKind(field, value, kind);
    if (given[field] !== undefined)
      return { kind: 'bad field', reason: `${field} stands there twice, in both spellings` };
    given[field] = value;
  }
  return given;
}

function unknownField(key: string): RowFault {
  const known = Object.keys(KINDS).join(', ');
  const reason = `${quote(key)} is no field of an action: put it into properties; known are ${known}`;
  return { kind: 'bad field', reason };
}

function wrongKind(field: string, value: unknown, kind: Kind): RowFault {
  const reason = `${field} is ${quote(value)}: expected is ${EXPECTED[kind]}`;
  return { kind: kind === 'time' ? 'bad time' : 'bad field', reason };
}

function isKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'id':
      return typeof value === 'string' && value !== '' && value.length <= ID_LENGTH_MAX;
    case 'uuid':
      return typeof value === 'string' && parseUuid(value) !== null;
    case 'time':
      return typeof value === 'string'
        ? ISO_TIME.test(value) && isDate(value.slice(0, 10)) && !Number.isNaN(Date.parse(value))
        : Number.isInteger(value);
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
function isDate(date: string): boolean {
  const midnight = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(date);
}

/** Epoch ms: what the line says, else the time in its id. */
function timeOf(given: Given, plannedAtMs: number): number | RowFault {
  const kind = 'bad time';
  const at = given['occurred_at'] as string | number | undefined;
  const id = parseUuid((given['event_id'] as string | undefined) ?? '');
  if (at === undefined && (id === null || !isUuidv7(id)))
    return { kind, reason: `occurred_at is missing: expected is ${EXPECTED.time}` };
  const ms = at === undefined ? uuidTimeMs(id as Buffer) : new Date(at).getTime();
  const shown = `occurred_at is ${quote(at ?? new Date(ms))}`;
  if (typeof at === 'number' && at < EPOCH_MS_MIN)
    return {
      kind,
      reason:
        `${shown}: as milliseconds that is before March 1973. ` +
        'Seconds are to be multiplied by 1000; older times are written as 1970-01-31T12:00:00Z',
    };
  if (!(ms <= plannedAtMs)) return { kind, reason: `${shown}: it lies in the future` };
  if (ms < 0) return { kind, reason: `${shown}: the time in an id begins with 1970` };
  return ms;
}

function idOf(id: string | undefined, action: Omit<UserActionRecord, 'event_id'>): Buffer {
  const uuid = id === undefined ? null : parseUuid(id);
  if (uuid !== null && isUuidv7(uuid)) return uuid;
  const bits = hash('sha256', id === undefined ? contentOf(action) : foreign(id, uuid), 'buffer');
  return uuidv7(action.occurred_at, bits);
}

/** A UUID is the same in capitals. */
function foreign(id: string, uuid: Buffer | null): string {
  return `id/${uuid === null ? id : uuid.toString('hex')}`;
}

function contentOf(action: Omit<UserActionRecord, 'event_id'>): string {
  const { properties, request_id: request, ...rest } = action;
  return `content/${JSON.stringify([rest, request?.toString('hex'), jsonbOfMap(properties)])}`;
}

function quote(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
