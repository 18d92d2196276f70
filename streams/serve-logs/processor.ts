import { defineProcessor } from '../runtime/processor.ts';
import { recommendationServes } from '../topics/recommendation-serves.ts';
import { createServeLogsStore } from './store.ts';

/**
 * Idempotency zone. Reads recommendation-serves.v1; writes recommendation_logs, one row a serve.
 * Key: request_id. A resend finds its id in the day partition of its first copy and is left out;
 * the same batch twice leaves the table as it is.
 */
export const serveLogs = defineProcessor({
  name: 'serve-logs',
  source: recommendationServes,
  relevant: () => true,
  wantsRows: true,
  batchRowsMax: 8_192,
  batchBytesMax: 16 * 1024 * 1024,
  workers: 1,
  createStore: createServeLogsStore,
  tables: ['recommendation_logs'],
  retention: [
    {
      table: 'recommendation_logs',
      setting: 'recommendationLogsDays',
      unit: 'days',
      env: 'MARQUEE_RETENTION_LOGS_DAYS',
      default: 90,
      min: 1,
      description: 'days that recommendation_logs keeps what was served',
    },
  ],
  appliedIds: { table: 'recommendation_logs', column: 'request_id' },
  rowsCarryOffsets: true,
  importChecks: [
    {
      table: 'recommendation_logs',
      what: 'serves',
      sql: `SELECT count(*) AS n FROM recommendation_logs WHERE properties->>'import' = $1`,
      by: 'importId',
      equals: 'serves',
    },
  ],
});
