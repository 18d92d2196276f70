import { defineProcessor } from '../runtime/processor.ts';
import { userActions } from '../topics/user-actions.ts';
import { carryVectors } from './carry-over.ts';
import { relayProfileChanges } from './outbox.ts';
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
  outbox: relayProfileChanges,
  tables: ['user_profiles', 'user_history', 'profiles_event_ids'],
  sideTables: ['profile_outbox'],
  derivedColumns: ['preference_vector', 'vector_model_version'],
  rowsCarryOffsets: false,
  carryOver: carryVectors,
});
