import { defineProcessor } from '../runtime/processor.ts';
import { userActions } from '../topics/user-actions.ts';
import { answersServe } from './core.ts';
import { createFeedbackStore } from './store.ts';

/**
 * Idempotency zone. Reads user-actions.v1; writes recommendation_feedback, one row for each action
 * that answers a recommendation (has a request_id). Key: event_id. A resend finds its id in the day
 * partition of its first copy and is left out; the same batch twice leaves the table as it is.
 */
export const feedback = defineProcessor({
  name: 'feedback',
  source: userActions,
  relevant: answersServe,
  wantsRows: false,
  batchRowsMax: 16_384,
  batchBytesMax: 16 * 1024 * 1024,
  workers: 1,
  createStore: createFeedbackStore,
  tables: ['recommendation_feedback'],
  rowsCarryOffsets: true,
});
