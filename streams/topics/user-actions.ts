import { jsonbOfMap } from '../../connectors/postgres/jsonb.ts';
import type { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import { PlainUserAction } from '../../schemas/generated/plain-readers.ts';
import { PLAIN_ENTRIES_MAX, plainEntries } from '../../schemas/plain-cursor.ts';
import { validateUserAction } from '../../schemas/user-action.ts';
import type { Fault, Source } from '../runtime/processor.ts';
import { keyFault } from './key.ts';

/** user-actions.v1: what users do. Keyed by user_id; the id's time is the action's. */
export const userActions: Source<UserActionRecord> = {
  topic: 'user-actions.v1',
  tombstones: false,
  check(event, record) {
    if (event instanceof PlainUserAction) return plainKeyFault(event, record.key);
    const problem = validateUserAction(event);
    if (problem !== null) return { reason: problem.reason, detail: problem.message };
    return keyFault(record.key, event.user_id, 'user_id');
  },
  fromTombstone: () => ({ reason: 'null_value', detail: 'the value is null' }),
  id: (event) => event.event_id,
  timeMs: (event) => event.occurred_at,
  app: (event) => event.app,
  contentColumns: [
    'event_id',
    'occurred_at',
    'movie_id',
    'value',
    'position',
    'request_id',
    'user_id',
    'action',
    'session_id',
    'device',
    'app',
    'app_version',
    'properties',
  ],
  writeContent(out, event) {
    if (event instanceof PlainUserAction) {
      writePlain(out, event);
      return;
    }
    out.raw(event.event_id);
    out.timestamptz(event.occurred_at);
    out.int8(event.movie_id);
    out.float8(event.value);
    out.int4(event.position);
    out.raw(event.request_id);
    out.text(event.user_id);
    out.text(event.action);
    out.text(event.session_id);
    out.text(event.device);
    out.text(event.app);
    out.text(event.app_version);
    out.jsonb(jsonbOfMap(event.properties));
  },
};

/** The same columns from bytes to bytes. A plain action has been checked when it was read. */
function writePlain(out: CopyWriter, event: PlainUserAction): void {
  const { bytes } = event;
  out.slice(bytes, event.eventIdAt, 16);
  out.timestamptz(event.occurred_at);
  out.int8(event.movie_id);
  out.float8(event.value);
  out.int4(event.position);
  out.slice(bytes, event.requestIdAt, event.requestIdAt < 0 ? -1 : 16);
  out.slice(bytes, event.userIdAt, event.userIdLength);
  out.text(event.action);
  out.slice(bytes, event.sessionIdAt, event.sessionIdLength);
  out.slice(bytes, event.deviceAt, event.deviceLength);
  out.slice(bytes, event.appAt, event.appLength);
  out.slice(bytes, event.appVersionAt, event.appVersionLength);
  if (event.propertiesCount === 0) out.jsonb('{}');
  else out.jsonbBytes(jsonbBytes, packEntries(event));
}

/** Room for properties at their longest, with quotes, colon, comma and spaces around them. */
const jsonbBytes = new Uint8Array(PLAIN_ENTRIES_MAX * (64 + 1024 + 8));
const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const SPACE = 0x20;

/** Writes plain properties as `jsonbOfMap` does; returns how many bytes they are. */
function packEntries({ bytes: from, propertiesAt, propertiesCount }: PlainUserAction): number {
  const to = jsonbBytes;
  let n = 0;
  to[n++] = 0x7b;
  plainEntries(from, propertiesAt, propertiesCount, (at, length, isKey) => {
    if (isKey && n > 1) {
      to[n++] = COMMA;
      to[n++] = SPACE;
    }
    to[n++] = QUOTE;
    for (let i = at; i < at + length; i++) to[n++] = from[i] as number;
    to[n++] = QUOTE;
    if (!isKey) return;
    to[n++] = COLON;
    to[n++] = SPACE;
  });
  to[n++] = 0x7d;
  return n;
}

function plainKeyFault(event: PlainUserAction, key: Buffer | null): Fault | null {
  const { bytes, userIdAt, userIdLength } = event;
  let same = key?.length === userIdLength;
  for (let i = 0; same && i < userIdLength; i++) same = key?.[i] === bytes[userIdAt + i];
  return same ? null : keyFault(key, event.user_id, 'user_id');
}
