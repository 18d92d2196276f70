import { defineProcessor } from '../runtime/processor.ts';
import { playbackErrors as source } from '../topics/playback-errors.ts';
import { createPlaybackErrorsStore } from './store.ts';

/**
 * Idempotency zone. Reads playback-errors.v1; writes playback_errors, one row an error. Key:
 * event_id. A resend finds its id in the day partition of its first copy and is left out; the same
 * batch twice leaves the table as it is.
 */
export const playbackErrors = defineProcessor({
  name: 'playback-errors',
  source,
  relevant: () => true,
  wantsRows: true,
  batchRowsMax: 8_192,
  batchBytesMax: 16 * 1024 * 1024,
  workers: 1,
  createStore: createPlaybackErrorsStore,
  tables: ['playback_errors'],
  appliedIds: { table: 'playback_errors', column: 'event_id' },
  rowsCarryOffsets: true,
});
