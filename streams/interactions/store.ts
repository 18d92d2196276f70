import { createEventStore } from '../runtime/commit/append-store.ts';
import { userActions } from '../topics/user-actions.ts';

export const createInteractionsStore = () =>
  createEventStore(userActions, 'rt_user_interactions', 'event_id', '1 hour');
