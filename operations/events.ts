import { withAdmin } from '../connectors/kafka/admin.ts';
import type { KafkaRecord } from '../common/kafka/record.ts';
import type { Session } from '../connectors/postgres/session.ts';
import { createCodec } from '../connectors/registry/codec.ts';
import type { TopicReader } from '../connectors/registry/codec.ts';
import type { UserActionRecord } from '../schemas/generated/types.ts';
import { partitionOf } from '../common/partitioner.ts';
import { readWireHeader } from '../schemas/wire.ts';
import { readRedrive } from '../streams/runtime/commit/redrive.ts';
import { readOutcomes } from './event-outcomes.ts';
import type { EventOutcome, FoundEvent } from './event-outcomes.ts';
import { readRecords } from '../connectors/kafka/read-records.ts';

const TOPIC = 'user-actions.v1';

export interface TailOptions {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly user?: string;
  readonly app?: string;
  /** Epoch ms of receipt. */
  readonly sinceMs: number;
  /** At most so many, the newest. */
  readonly limit: number;
  readonly lateHorizonMs: number;
  readonly signal?: AbortSignal;
}

export interface TailedEvent {
  readonly event: FoundEvent;
  readonly outcomes: readonly EventOutcome[];
}

export interface Tail {
  readonly events: readonly TailedEvent[];
  /** Records read, and those among them of which neither user nor app can be told. */
  readonly read: number;
  readonly unreadable: number;
  /** The offsets from which a follower goes on. */
  readonly ends: ReadonlyMap<number, number>;
}

/**
 * Reads what a user or an app sent, without touching the processors, and says what became of it.
 */
export async function tailEvents(
  session: Session,
  options: TailOptions,
  from?: ReadonlyMap<number, number>,
): Promise<Tail> {
  const { brokers, registryUrl, limit, lateHorizonMs } = options;
  const reader = createCodec({ url: registryUrl }).reader(TOPIC);
  const ranges = await rangesOf(options, from);
  const kept: { partition: number; record: KafkaRecord }[] = [];
  let read = 0;
  let unreadable = 0;

  const take = (partition: number, record: KafkaRecord): void => {
    const found = toEvent(reader, partition, record);
    if (matches(found, options)) {
      kept.push({ partition, record });
      if (kept.length > 2 * limit) {
        kept.sort(byReceipt);
        kept.splice(0, kept.length - limit);
      }
    } else if (found.action === null) unreadable++;
  };
  await readRecords({
    brokers,
    topic: TOPIC,
    ranges,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    async onRecords(partition, records) {
      read += records.length;
      for (const record of records) {
        const id = record.value === null ? null : readWireHeader(record.value);
        if (id !== null && !reader.isKnown(id)) await reader.ensureSchema(id);
        take(partition, record);
      }
    },
  });
  const newest = kept.sort(byReceipt).slice(-limit);
  const events = newest.map(({ partition, record }) => toEvent(reader, partition, record));
  const outcomes = await readOutcomes(session, events, TOPIC, lateHorizonMs);
  return {
    events: events.map((event, i) => ({ event, outcomes: outcomes[i] ?? [] })),
    read,
    unreadable,
    ends: new Map([...ranges].map(([partition, { to }]) => [partition, to])),
  };
}

function byReceipt(
  a: { partition: number; record: KafkaRecord },
  b: { partition: number; record: KafkaRecord },
): number {
  return (
    a.record.timestamp - b.record.timestamp ||
    a.partition - b.partition ||
    a.record.offset - b.record.offset
  );
}

/** Offsets to read: those received since, up to the log's end as it is now. */
async function rangesOf(
  { brokers, user, sinceMs }: TailOptions,
  from: ReadonlyMap<number, number> | undefined,
): Promise<ReadonlyMap<number, { from: number; to: number }>> {
  return withAdmin({ brokers }, async (admin) => {
    const ends = await admin.fetchTopicOffsets(TOPIC);
    const starts =
      from ??
      new Map(
        (await admin.fetchTopicOffsetsByTimestamp(TOPIC, sinceMs)).map((o) => [
          o.partition,
          Number(o.offset),
        ]),
      );
    const only = user === undefined ? null : partitionOf(user, ends.length);
    return new Map(
      ends
        .filter((end) => only === null || end.partition === only)
        .map((end) => {
          const to = Number(end.high);
          const begin = Math.max(Number(end.low), starts.get(end.partition) ?? to);
          return [end.partition, { from: Math.min(begin, to), to }];
        }),
    );
  });
}

function toEvent(
  reader: TopicReader<UserActionRecord>,
  partition: number,
  record: KafkaRecord,
): FoundEvent {
  const { value, offset, key, timestamp } = record;
  const decoded = value === null ? null : reader.decode(value);
  const redrive = readRedrive(record);
  return {
    partition,
    offset,
    receivedAt: redrive?.receivedAt ?? timestamp,
    key: key === null ? null : key.toString(),
    action: decoded === null || 'reason' in decoded ? null : decoded,
    redrivenFor: redrive?.processor ?? null,
  };
}

/** A record that can't be read is a user's by its key; whose app it is nobody can say. */
function matches({ action, key }: FoundEvent, { user, app }: TailOptions): boolean {
  if (user !== undefined && (action?.user_id ?? key) !== user && key !== user) return false;
  return app === undefined || action?.app === app;
}
