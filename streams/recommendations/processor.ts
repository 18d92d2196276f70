import { defineProcessor } from '../runtime/processor.ts';
import { profileChanges } from '../topics/profile-changes.ts';
import { createRecommendationsStore } from './store.ts';

/**
 * Idempotency zone. Reads profile-changes.v1; writes lists into Redis, one a user and surface, and the
 * user's vector into user_profiles. A list is made from the profile as it stands, whatever change is
 * read, and an older one never replaces a newer one; so the same batch twice leaves both as they are, and
 * of a user's changes in a batch only the last is worked on.
 */
export const recommendations = defineProcessor({
  name: 'recommendations',
  source: profileChanges,
  relevant: () => true,
  wantsRows: false,
  batchRowsMax: 2_048,
  batchBytesMax: 4 * 1024 * 1024,
  workers: 1,
  createStore: createRecommendationsStore,
  tables: [],
  rowsCarryOffsets: false,
});
