import { createHash128, hashToBytes, murmur128 } from '../../common/hash.ts';
import type { ProfileChange } from '../../schemas/generated/types.ts';
import type { Source } from '../runtime/processor.ts';
import { keyFault } from './key.ts';

/** profile-changes.v1: whose profile changed. Keyed by user_id; of one user's only the last matters. */
export const profileChanges: Source<ProfileChange> = {
  topic: 'profile-changes.v1',
  tombstones: false,
  check(event, record) {
    if (event.user_id.length === 0 || event.user_id.length > 256)
      return {
        reason: 'out_of_range',
        detail: `user_id has ${event.user_id.length} characters: 1 to 256`,
      };
    if (!Number.isSafeInteger(event.profile_version) || event.profile_version < 0)
      return {
        reason: 'out_of_range',
        detail: `profile_version is ${event.profile_version}: a whole number from 0`,
      };
    return keyFault(record.key, event.user_id, 'user_id');
  },
  fromTombstone: () => ({ reason: 'null_value', detail: 'the value is null' }),
  /** A change that was sent twice has one id. */
  id(event) {
    const hash = createHash128();
    const name = Buffer.from(`${event.profile_version}/${event.user_id}`);
    murmur128(hash, name, 0, name.length);
    return hashToBytes(hash);
  },
  timeMs: () => null,
  app: () => null,
  contentColumns: ['user_id', 'profile_version', 'changed_at'],
  writeContent(out, event) {
    out.text(event.user_id);
    out.int8(event.profile_version);
    out.timestamptz(event.changed_at);
  },
};
