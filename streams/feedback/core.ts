import type { UserActionRecord } from '../../schemas/generated/types.ts';

/** Feedback is an action that names the serve it answers. A search answers none. */
export function answersServe(event: UserActionRecord): boolean {
  return event.request_id !== null && event.action !== 'search';
}
