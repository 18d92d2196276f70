import { createAppendStore } from '../runtime/commit/append-store.ts';
import { recommendationServes } from '../topics/recommendation-serves.ts';

export const createServeLogsStore = () =>
  createAppendStore(recommendationServes, 'recommendation_logs', 'request_id', '1 day');
