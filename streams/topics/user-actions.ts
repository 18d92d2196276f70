import { jsonbOfMap } from '../../connectors/postgres/jsonb.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import { validateUserAction } from '../../schemas/user-action.ts';
import type { Source } from '../runtime/processor.ts';
import { keyFault } from './key.ts';

/** user-actions.v1: what users do. Keyed by user_id; the id's time is the action's. */
export const userActions: Source<UserActionRecord> = {
  topic: 'user-actions.v1',
  tombstones: false,
  check(event, record) {
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
