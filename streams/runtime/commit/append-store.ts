import { createAppender } from '../../../connectors/postgres/append.ts';
import type { AppendTarget } from '../../../connectors/postgres/append.ts';
import { createPartitionKeeper } from '../../../connectors/postgres/partitions.ts';
import type { PartitionWidth } from '../../../connectors/postgres/partitions.ts';
import type { Source, Store, WriteBatch } from '../processor.ts';

/** A table of one row an event, in time partitions on the event's id. */
export interface AppendTable<E> extends AppendTarget {
  readonly width: PartitionWidth;
  /** Epoch ms of the event's id. */
  timeMs(event: E): number;
  /** The batch's rows, in the order of `columns`. */
  body(batch: WriteBatch<E>): Buffer;
}

/** The first row of an id counts: resends are left out. */
export function createAppendStore<E>(target: AppendTable<E>): Store<E> {
  const appender = createAppender(target);
  const partitions = createPartitionKeeper(target.table, target.width);
  return {
    prepare: (session, events) =>
      partitions.ensure(
        session,
        events.map(({ event }) => target.timeMs(event)),
      ),
    apply: (session, batch, sent) =>
      partitions.guard(() => appender.append(session, target.body(batch), batch.events, sent)),
  };
}

/** An append store that keeps whole events; its processor `wantsRows`. */
export function createEventStore<E>(
  source: Source<E>,
  table: string,
  key: string,
  width: PartitionWidth,
): Store<E> {
  return createAppendStore({
    table,
    key,
    width,
    columns: [...source.contentColumns, 'received_at', 'kafka_partition', 'kafka_offset'],
    timeMs: (event) => source.timeMs(event) ?? 0,
    body({ rows }) {
      if (rows === null) throw new Error(`${table}: the processor must ask for rows`);
      return rows.take();
    },
  });
}
