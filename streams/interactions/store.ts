import { createAppendStore } from '../runtime/commit/append-store.ts';
import { userActions } from '../topics/user-actions.ts';

export const createInteractionsStore = () =>
  createAppendStore(userActions, 'rt_user_interactions', 'event_id', '1 hour');
