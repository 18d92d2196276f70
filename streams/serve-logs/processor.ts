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
  rowsCarryOffsets: true,
});
