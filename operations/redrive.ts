import type { RawProducer } from '../connectors/kafka/raw-producer.ts';
import type { Session } from '../connectors/postgres/session.ts';
import { TOPICS } from '../schemas/generated/topics.ts';
import {
  REDRIVE_COUNT,
  REDRIVE_PROCESSOR,
  REDRIVE_RECEIVED_AT,
} from '../streams/runtime/commit/redrive.ts';
import { RECORD, toRecord, whereOf } from './dead-letters.ts';
import type { DeadLetterFilter, DeadLetterRecord, RecordRow } from './dead-letters.ts';

/** Rows locked, sent and marked together. Their values may be large, so few. */
const BATCH_ROWS = 50;
/** A record that came back so often is not sent again unless it is forced. */
export const REPLAYS_MAX = 3;

export interface RedriveOptions extends DeadLetterFilter {
  /** Also records that came back REPLAYS_MAX times, and those of compacted topics. */
  readonly force: boolean;
  /** Also rows that were redriven before. */
  readonly again: boolean;
}

export interface RedrivePlan {
  readonly processor: string;
  readonly reason: string;
  readonly topic: string;
  readonly due: number;
  /** Left out, and why. */
  readonly redriven: number;
  readonly loops: number;
  readonly compacted: number;
}

const COMPACTED = Object.values(TOPICS)
  .filter((topic) => topic.cleanup === 'compact')
  .map((topic) => topic.name);

/** Conditions under which a row is sent, by what each keeps out. */
function guards({ force, again }: RedriveOptions) {
  const list = COMPACTED.map((name) => `'${name}'`).join(', ');
  return {
    redriven: again ? 'true' : 'd.redriven_at IS NULL',
    loops: force ? 'true' : `d.replay_count < ${REPLAYS_MAX}`,
    // The newest record of a key holds there: an old one sent again would be taken for the newest.
    compacted: force ? 'true' : `d.topic NOT IN (${list})`,
  };
}

export function planRedrive(session: Session, options: RedriveOptions): Promise<RedrivePlan[]> {
  const { sql, values } = whereOf(options);
  const { redriven, loops, compacted } = guards(options);
  return session.query<RedrivePlan & Record<string, unknown>>(
    `SELECT processor, reason, topic,
       count(*) FILTER (WHERE ${redriven} AND ${loops} AND ${compacted}) AS due,
       count(*) FILTER (WHERE NOT (${redriven})) AS redriven,
       count(*) FILTER (WHERE ${redriven} AND NOT (${loops})) AS loops,
       count(*) FILTER (WHERE ${redriven} AND NOT (${compacted})) AS compacted
     FROM dead_letters d WHERE ${sql} GROUP BY processor, reason, topic ORDER BY 1, 2, 3`,
    values,
  );
}

/**
 * Sends the records again: the same bytes under the same key to the topic that they came from,
 * meant for the processor that refused them alone, and counting as received when they first were. A
 * row is marked once the brokers have the record; a crash between the two sends it twice, and the
 * second counts as a resend. Two runs at once share the rows. Returns how many were sent.
 */
export async function redrive(
  session: Session,
  producer: RawProducer,
  options: RedriveOptions,
  onProgress: (sent: number) => void = () => undefined,
): Promise<number> {
  const { sql, values } = whereOf(options);
  const conditions = Object.values(guards(options)).join(' AND ');
  const [start] = await session.query<{ now: string }>('SELECT clock_timestamp()::text AS now');
  values.push(start?.now);
  // What this run has marked is not due again, also when `again` is asked for.
  const notYet = `(d.redriven_at IS NULL OR d.redriven_at < $${values.length}::timestamptz)`;
  let sent = 0;
  for (;;) {
    const count = await session.transaction(async () => {
      const rows = await session.query<RecordRow>(
        `SELECT ${RECORD} FROM dead_letters d WHERE ${sql} AND ${conditions} AND ${notYet}
         ORDER BY d.topic, d.partition, d.kafka_offset, d.processor
         LIMIT ${BATCH_ROWS} FOR UPDATE SKIP LOCKED`,
        values,
      );
      if (rows.length > 0) {
        await send(producer, rows.map(toRecord));
        await mark(session, rows);
      }
      return rows.length;
    });
    if (count === 0) return sent;
    sent += count;
    onProgress(sent);
  }
}

async function send(producer: RawProducer, letters: readonly DeadLetterRecord[]): Promise<void> {
  for (const [topic, own] of Map.groupBy(letters, (letter) => letter.topic))
    await producer.send(
      topic,
      own.map((letter) => ({
        key: letter.key,
        value: letter.value,
        headers: redriveHeaders(letter),
        // A key decides its partition; without one the record goes back to where it was.
        ...(letter.key === null ? { partition: letter.partition } : {}),
      })),
    );
}

/** The record's own headers, and who it is meant for. */
export function redriveHeaders(letter: DeadLetterRecord): Record<string, Buffer> {
  return {
    ...letter.headers,
    [REDRIVE_PROCESSOR]: Buffer.from(letter.processor),
    [REDRIVE_RECEIVED_AT]: Buffer.from(String(letter.firstReceivedAt)),
    [REDRIVE_COUNT]: Buffer.from(String(letter.replayCount + 1)),
  };
}

async function mark(session: Session, rows: readonly RecordRow[]): Promise<void> {
  await session.execute(
    `UPDATE dead_letters d SET redriven_at = clock_timestamp(), redrive_count = redrive_count + 1
     FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[])
       AS r(processor, topic, partition, kafka_offset)
     WHERE (d.processor, d.topic, d.partition, d.kafka_offset)
       = (r.processor, r.topic, r.partition, r.kafka_offset)`,
    [
      rows.map((row) => row.processor),
      rows.map((row) => row.topic),
      rows.map((row) => row.partition),
      rows.map((row) => row.offset),
    ],
  );
}
