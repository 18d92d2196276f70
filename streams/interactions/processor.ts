import { defineProcessor } from '../runtime/processor.ts';
import { userActions } from '../topics/user-actions.ts';
import { createInteractionsStore } from './store.ts';

/**
 * Idempotency zone. Reads user-actions.v1; writes rt_user_interactions, one row an event, whatever
 * the action. Key: event_id. A resend finds its id in the hour partition of its first copy and is
 * left out; the same batch twice leaves the table as it is.
 */
export const interactions = defineProcessor({
  name: 'interactions',
  source: userActions,
  relevant: () => true,
  wantsRows: true,
  batchRowsMax: 16_384,
  batchBytesMax: 16 * 1024 * 1024,
  workers: 2,
  createStore: createInteractionsStore,
  tables: ['rt_user_interactions'],
  appliedIds: { table: 'rt_user_interactions', column: 'event_id' },
  rowsCarryOffsets: true,
  importChecks: [
    {
      table: 'rt_user_interactions',
      what: 'user actions',
      sql: `SELECT count(*) AS n FROM rt_user_interactions WHERE properties->>'import' = $1`,
      by: 'importId',
      equals: 'actions',
    },
  ],
});
