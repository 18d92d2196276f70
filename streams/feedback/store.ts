import { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import type { UserActionRecord } from '../../schemas/generated/types.ts';
import { createAppendStore } from '../runtime/commit/append-store.ts';
import type { Accepted, Store } from '../runtime/processor.ts';

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
  const out = new CopyWriter();
  return createAppendStore({
    table: 'recommendation_feedback',
    columns: COLUMNS,
    key: 'event_id',
    width: '1 day',
    timeMs: (event) => event.occurred_at,
    body({ events }) {
      out.reset();
      for (const answer of events) writeAnswer(out, answer);
      return out.take();
    },
  });
}

function writeAnswer(
  out: CopyWriter,
  { event, receivedAt, partition, offset }: Accepted<UserActionRecord>,
): void {
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
