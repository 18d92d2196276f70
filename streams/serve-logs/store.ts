import { createEventStore } from '../runtime/commit/append-store.ts';
import { recommendationServes } from '../topics/recommendation-serves.ts';

export const createServeLogsStore = () =>
  createEventStore(recommendationServes, 'recommendation_logs', 'request_id', '1 day');
