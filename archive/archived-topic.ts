import type { UserActionRecord } from '../schemas/generated/types.ts';
import type { Processor } from '../streams/runtime/processor.ts';
import { userActions } from '../streams/topics/user-actions.ts';

/**
 * What the archive makes of user-actions.v1: every good record, resends and late ones too. It is
 * the cold twin of `interactions`, so a record that was sent again for that one is its own as well.
 */
export const archived: Pick<
  Processor<UserActionRecord>,
  'name' | 'source' | 'relevant' | 'wantsRows' | 'batchRowsMax' | 'redriveName'
> = {
  name: 'archive',
  source: userActions,
  relevant: () => true,
  wantsRows: true,
  batchRowsMax: 4_096,
  redriveName: 'interactions',
};
