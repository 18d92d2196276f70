import type { Session } from '../../../connectors/postgres/session.ts';
import { readWireHeader } from '../../../schemas/wire.ts';
import type { ProcessorKey } from './offsets.ts';
import type { DeadRecord } from './decode-batch.ts';
import type { Message, Outbox } from '../declared.ts';
import { readRedrive } from './redrive.ts';

/** Rows published in one go. Their values may be large, so few. */
const RELAY_ROWS = 50;

/** Keeps the record, its reason and its place, in the batch's own transaction. */
export async function insertDeadLetters(
  session: Session,
  key: ProcessorKey,
  dead: readonly DeadRecord[],
): Promise<void> {
  for (const { partition, record, fault, app } of dead) {
    const redrive = readRedrive(record);
    const headers = Object.fromEntries(
      Object.entries(record.headers).map(([name, value]) => [name, value.toString('base64')]),
    );
    await session.execute(
      `INSERT INTO dead_letters (processor, topic, partition, kafka_offset, reason, detail,
         received_at, first_received_at, schema_id, app, replay_count, key, value, headers)
       VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7 / 1000.0), to_timestamp($8 / 1000.0),
         $9, $10, $11, $12, $13, $14)
       ON CONFLICT DO NOTHING`,
      [
        key.processor,
        key.topic,
        partition,
        record.offset,
        fault.reason,
        fault.detail.replaceAll('\0', '\\0'),
        record.timestamp,
        redrive?.receivedAt ?? record.timestamp,
        record.value === null ? null : readWireHeader(record.value),
        app,
        redrive?.count ?? 0,
        record.key,
        record.value,
        JSON.stringify(headers),
      ],
    );
  }
}

interface DueRow extends Record<string, unknown> {
  processor: string;
  topic: string;
  partition: number;
  kafka_offset: number;
  reason: string;
  detail: string;
  received_ms: number;
  schema_id: number | null;
  app: string | null;
  replay_count: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, string>;
}

/**
 * The table dead_letters as an outbox: rows that are due are published and then marked. A crash
 * between the two publishes a row twice under the same key; the table holds it once.
 */
export function createDeadLetterOutbox(processor: string): Outbox<'dead-letters.v1'> {
  return {
    topic: 'dead-letters.v1',
    relay: (session, publish) =>
      session.transaction(async () => {
        const rows = await session.query<DueRow>(
          `SELECT processor, topic, partition, kafka_offset, reason, detail,
           (extract(epoch FROM received_at) * 1000)::bigint AS received_ms,
           schema_id, app, replay_count, key, value, headers
         FROM dead_letters WHERE processor = $1 AND published_at IS NULL
         ORDER BY topic, partition, kafka_offset LIMIT ${RELAY_ROWS} FOR UPDATE SKIP LOCKED`,
          [processor],
        );
        if (rows.length === 0) return 0;
        await publish(rows.map(toMessage));
        await session.execute(
          `UPDATE dead_letters d SET published_at = now()
         FROM unnest($2::text[], $3::int[], $4::bigint[]) AS p(topic, partition, kafka_offset)
         WHERE d.processor = $1 AND d.topic = p.topic AND d.partition = p.partition
           AND d.kafka_offset = p.kafka_offset`,
          [
            processor,
            rows.map((r) => r.topic),
            rows.map((r) => r.partition),
            rows.map((r) => r.kafka_offset),
          ],
        );
        return rows.length;
      }),
  };
}

function toMessage(row: DueRow): Message<'dead-letters.v1'> {
  const headers = Object.fromEntries(
    Object.entries(row.headers).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
  );
  return {
    key: `${row.processor}/${row.topic}/${row.partition}/${row.kafka_offset}`,
    value: {
      processor: row.processor,
      topic: row.topic,
      partition: row.partition,
      offset: row.kafka_offset,
      reason: row.reason,
      detail: row.detail,
      received_at: row.received_ms,
      schema_id: row.schema_id,
      app: row.app,
      replay_count: row.replay_count,
      key: row.key,
      value: row.value,
      headers,
    },
  };
}
