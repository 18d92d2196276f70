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
  irrelevantBecause: 'answers no serve',
  wantsRows: false,
  batchRowsMax: 16_384,
  batchBytesMax: 16 * 1024 * 1024,
  workers: 1,
  createStore: createFeedbackStore,
  tables: ['recommendation_feedback'],
  retention: [
    {
      table: 'recommendation_feedback',
      setting: 'recommendationFeedbackDays',
      unit: 'days',
      env: 'MARQUEE_RETENTION_FEEDBACK_DAYS',
      default: 90,
      min: 1,
      description: 'days that recommendation_feedback keeps what answered it',
    },
  ],
  appliedIds: { table: 'recommendation_feedback', column: 'event_id' },
  rowsCarryOffsets: true,
  importChecks: [
    {
      table: 'recommendation_feedback',
      what: 'answers to serves',
      // An action that answers a serve has no label of its own.
      sql: `SELECT count(*) AS n
            FROM recommendation_feedback f JOIN recommendation_logs l USING (request_id)
            WHERE l.properties->>'import' = $1`,
      by: 'importId',
      equals: 'answers',
    },
  ],
});
