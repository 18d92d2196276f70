import { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import { isDataError } from '../../connectors/postgres/errors.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import type { Log } from '../../common/log.ts';
import type { Processor, Store } from '../../streams/runtime/processor.ts';
import { ROW_COLUMNS, writeRow } from '../format/columns.ts';
import type { RowBatch } from './read-dates.ts';
import { createActionReader } from './events.ts';
import type { ArchivedEvent } from './events.ts';

export interface FillCounts {
  /** Events applied, by where they come from. */
  readonly applied: Map<string, number>;
  /** Resends that the store itself knew. */
  resends: number;
  /** Refused by the database, as the live run would have them among its dead letters. */
  refused: number;
}

export interface FillContext {
  readonly session: Session;
  readonly processor: Processor;
  readonly store: Store<unknown>;
  readonly log: Log;
}

/** Applies archived events by the processor's own store, in batches of its size. */
export function createFiller(context: FillContext) {
  const { session, processor, store, log } = context;
  const counts: FillCounts = { applied: new Map(), resends: 0, refused: 0 };
  const writer = new CopyWriter(1 << 20);
  let waiting: ArchivedEvent[] = [];

  async function apply(events: readonly ArchivedEvent[]): Promise<void> {
    await store.prepare(session, events);
    try {
      const resends = await session.transaction(() => {
        const rows = processor.wantsRows ? rowsOf(writer, events) : null;
        return store.apply(session, { events, rows }, () => Promise.resolve());
      });
      counts.resends += resends.length;
      const left = new Set(resends);
      for (const [i, { topic }] of events.entries())
        if (!left.has(i)) counts.applied.set(topic, (counts.applied.get(topic) ?? 0) + 1);
    } catch (error) {
      if (!isDataError(error)) throw error;
      await divide(events, error);
    }
  }

  /** The database refuses a value: halves are tried until that event stands alone. */
  async function divide(events: readonly ArchivedEvent[], error: unknown): Promise<void> {
    const [first] = events;
    if (events.length === 1 && first !== undefined) {
      counts.refused++;
      const at = `${first.topic}/${first.partition}/${first.offset}`;
      log.warn({ event: 'archived_event_refused', at, reason: (error as Error).message });
      return;
    }
    const half = events.length >> 1;
    await apply(events.slice(0, half));
    await apply(events.slice(half));
  }

  async function flush(): Promise<void> {
    const events = waiting;
    waiting = [];
    if (events.length > 0) await apply(events);
  }

  return {
    counts,
    flush,
    async take({ events, rows, topicOf, placeOf }: RowBatch): Promise<void> {
      const read = createActionReader(events);
      for (const row of rows) {
        const event = read(row);
        if (!processor.relevant(event)) continue;
        const { partition, offset, receivedAt } = placeOf(row);
        const topic = topicOf(row);
        waiting.push({ event, partition, offset, receivedAt, topic, columns: events, row });
        if (waiting.length >= processor.batchRowsMax) await flush();
      }
    },
  };
}

function rowsOf(writer: CopyWriter, events: readonly ArchivedEvent[]): CopyWriter {
  writer.reset();
  for (const { columns, row } of events) {
    writer.row(ROW_COLUMNS.length);
    writeRow(writer, columns, row);
  }
  return writer;
}
