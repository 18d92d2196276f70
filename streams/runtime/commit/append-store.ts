import { createAppender } from '../../../connectors/postgres/append.ts';
import { isMissingPartition } from '../../../connectors/postgres/errors.ts';
import { createPartitionKeeper } from '../../../connectors/postgres/partitions.ts';
import type { PartitionWidth } from '../../../connectors/postgres/partitions.ts';
import type { Source, Store } from '../processor.ts';

/** A table that keeps whole events, one row each, in time partitions on the event's id. */
export function createAppendStore<E>(
  source: Source<E>,
  table: string,
  key: string,
  width: PartitionWidth,
): Store<E> {
  const columns = [...source.contentColumns, 'received_at', 'kafka_partition', 'kafka_offset'];
  const appender = createAppender({ table, columns, key });
  const partitions = createPartitionKeeper(table, width);
  return {
    prepare: (session, events) =>
      partitions.ensure(
        session,
        events.map(({ event }) => source.timeMs(event) ?? 0),
      ),
    async apply(session, { events, rows }, sent) {
      if (rows === null) throw new Error(`${table}: the processor must ask for rows`);
      try {
        return await appender.append(session, rows.take(), events, sent);
      } catch (error) {
        if (isMissingPartition(error)) partitions.forget();
        throw error;
      }
    },
  };
}
