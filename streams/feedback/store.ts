import { createAppender } from '../../connectors/postgres/append.ts';
import { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import { isMissingPartition } from '../../connectors/postgres/errors.ts';
import { createPartitionKeeper } from '../../connectors/postgres/partitions.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import type { Accepted, Store } from '../runtime/processor.ts';

const TABLE = 'recommendation_feedback';
const COLUMNS = [
  'event_id',
  'request_id',
  'occurred_at',
  'received_at',
  'movie_id',
  'value',
  'position',
  'user_id',
  'action',
  'app',
  'kafka_partition',
  'kafka_offset',
] as const;

export function createFeedbackStore(): Store<UserActionRecord> {
  const appender = createAppender({ table: TABLE, columns: COLUMNS, key: 'event_id' });
  const partitions = createPartitionKeeper(TABLE, '1 day');
  const out = new CopyWriter();

  function write({ event, receivedAt, partition, offset }: Accepted<UserActionRecord>): void {
    out.row(COLUMNS.length);
    out.raw(event.event_id);
    out.raw(event.request_id);
    out.timestamptz(event.occurred_at);
    out.timestamptz(receivedAt);
    out.int8(event.movie_id);
    out.float8(event.value);
    out.int4(event.position);
    out.text(event.user_id);
    out.text(event.action);
    out.text(event.app);
    out.int4(partition);
    out.int8(offset);
  }

  return {
    prepare: (session, events) =>
      partitions.ensure(
        session,
        events.map(({ event }) => event.occurred_at),
      ),
    async apply(session, { events }, sent) {
      out.reset();
      events.forEach(write);
      try {
        return await appender.append(session, out.take(), events, sent);
      } catch (error) {
        if (isMissingPartition(error)) partitions.forget();
        throw error;
      }
    },
  };
}
