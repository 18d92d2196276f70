import { defineProcessor } from '../runtime/processor.ts';
import { userActions } from '../topics/user-actions.ts';
import { carryVectors } from './carry-over.ts';
import { profileOutbox } from './outbox.ts';
import { createProfilesStore } from './store.ts';

/**
 * Idempotency zone. Reads user-actions.v1; writes user_profiles (counters) and user_history (what a
 * user did to each movie), and tells profile-changes.v1 by an outbox. Key: event_id, kept in
 * profiles_event_ids for as long as a resend can count; the same batch twice finds its ids there
 * and adds nothing.
 */
export const profiles = defineProcessor({
  name: 'profiles',
  source: userActions,
  relevant: () => true,
  wantsRows: false,
  batchRowsMax: 49_152,
  batchBytesMax: 24 * 1024 * 1024,
  workers: 1,
  createStore: createProfilesStore,
  outbox: profileOutbox,
  tables: ['user_profiles', 'user_history', 'profiles_event_ids'],
  sideTables: ['profile_outbox'],
  retention: [
    {
      table: 'profiles_event_ids',
      setting: 'profileEventIdsHours',
      unit: 'hours',
      env: 'MARQUEE_RETENTION_PROFILE_IDS_HOURS',
      default: 72,
      min: 26,
      description: 'hours that profiles remembers events, to count a resend once; at least 26',
    },
  ],
  appliedIds: { table: 'profiles_event_ids', column: 'event_id' },
  derivedColumns: ['preference_vector', 'vector_model_version', 'vector_profile_version'],
  rowsCarryOffsets: false,
  carryOver: carryVectors,
  importChecks: [
    {
      table: 'user_profiles',
      what: 'users',
      sql: 'SELECT user_id AS key, 1 AS n FROM user_profiles WHERE user_id = ANY($1::text[])',
      by: 'users',
      equals: 'users',
    },
    {
      table: 'user_profiles',
      what: 'new actions in them',
      sql: `SELECT user_id AS key, total_interactions AS n FROM user_profiles
            WHERE user_id = ANY($1::text[])`,
      by: 'users',
      growsWith: 'actions',
    },
  ],
});
