import type { UserActionRecord } from '../schemas/generated/types.ts';
import type { ProcessorKey } from '../streams/runtime/commit/offsets.ts';
import type { Processor } from '../streams/runtime/processor.ts';
import { userActions } from '../streams/topics/user-actions.ts';

/**
 * The archive as a consumer of user-actions.v1: it keeps every good record, resends and late ones
 * too. It covers what `interactions` does, so a record that was sent again for that one is its own
 * as well.
 */
export const archiveConsumer: Pick<
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

export const ARCHIVED_TOPIC = archiveConsumer.source.topic;

/** The archive's place in the offsets and in the ledger. */
export const ARCHIVE_KEY: ProcessorKey = { processor: archiveConsumer.name, topic: ARCHIVED_TOPIC };
