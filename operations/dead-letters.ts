import type { Session } from '../connectors/postgres/session.ts';
import { MarqueeError } from '../common/error.ts';

/** Dead letters for which all conditions given hold. Times are of the first receipt. */
export interface DeadLetterFilter {
  readonly processor?: string;
  readonly reason?: string;
  readonly app?: string;
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

export interface DeadLetterLine {
  readonly processor: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  readonly detail: string;
  readonly app: string | null;
  readonly schemaId: number | null;
  readonly bytes: number | null;
  readonly receivedAt: number;
  readonly firstReceivedAt: number;
  /** Redrives of the record before it came here. */
  readonly replayCount: number;
  readonly publishedAt: number | null;
  readonly redrivenAt: number | null;
  readonly redriveCount: number;
}

export interface DeadLetterRecord extends DeadLetterLine {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
}

/** SQL for a filter, with its values; the columns are those of dead_letters d. */
export function whereOf(filter: DeadLetterFilter): { sql: string; values: unknown[] } {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const add = (condition: string, value: unknown) => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition.replace('?', `$${values.length}`));
  };
  add('d.processor = ?', filter.processor);
  add('d.reason = ?', filter.reason);
  add('d.app = ?', filter.app);
  add('d.first_received_at >= to_timestamp(? / 1000.0)', filter.sinceMs);
  add('d.first_received_at < to_timestamp(? / 1000.0)', filter.untilMs);
  return { sql: conditions.length === 0 ? 'true' : conditions.join(' AND '), values };
}

const ms = (column: string) => `(extract(epoch FROM d.${column}) * 1000)::bigint`;
const LINE = `d.processor, d.topic, d.partition, d.kafka_offset AS "offset", d.reason, d.detail,
  d.app, d.schema_id AS "schemaId", octet_length(d.value) AS bytes, ${ms('received_at')} AS "receivedAt",
  ${ms('first_received_at')} AS "firstReceivedAt", d.replay_count AS "replayCount",
  ${ms('published_at')} AS "publishedAt", ${ms('redriven_at')} AS "redrivenAt",
  d.redrive_count AS "redriveCount"`;
export const RECORD = `${LINE}, d.key, d.value, d.headers`;

/** The newest first. */
export function listDeadLetters(
  session: Session,
  filter: DeadLetterFilter & { readonly waiting?: boolean; readonly limit: number },
): Promise<DeadLetterLine[]> {
  const { sql, values } = whereOf(filter);
  return session.query<DeadLetterLine & Record<string, unknown>>(
    `SELECT ${LINE} FROM dead_letters d
     WHERE ${sql} ${filter.waiting === true ? 'AND d.redriven_at IS NULL' : ''}
     ORDER BY d.received_at DESC, d.processor, d.topic, d.partition, d.kafka_offset DESC
     LIMIT ${filter.limit}`,
    values,
  );
}

export async function countDeadLetters(
  session: Session,
  filter: DeadLetterFilter,
): Promise<{ processor: string; reason: string; count: number; waiting: number }[]> {
  const { sql, values } = whereOf(filter);
  return session.query(
    `SELECT processor, reason, count(*), count(*) FILTER (WHERE redriven_at IS NULL) AS waiting
     FROM dead_letters d WHERE ${sql} GROUP BY processor, reason ORDER BY processor, reason`,
    values,
  );
}

/** `place` is processor/topic/partition/offset, as in dead-letters.v1. */
export async function readDeadLetter(session: Session, place: string): Promise<DeadLetterRecord> {
  const [, processor, topic, partition, offset] =
    /^([^/]+)\/([^/]+)\/(\d+)\/(\d+)$/.exec(place) ?? [];
  const rows =
    offset === undefined
      ? []
      : await session.query<RecordRow>(
          `SELECT ${RECORD} FROM dead_letters d
           WHERE processor = $1 AND topic = $2 AND partition = $3 AND kafka_offset = $4`,
          [processor, topic, partition, offset],
        );
  const [row] = rows;
  if (row === undefined)
    throw new MarqueeError(
      'MARQUEE_DEAD_LETTER_MISSING',
      `there is no dead letter ${place}; the form is processor/topic/partition/offset, ` +
        'as `marquee dlq ls` shows it',
    );
  return toRecord(row);
}

export type RecordRow = Omit<DeadLetterRecord, 'headers'> & {
  headers: Record<string, string>;
} & Record<string, unknown>;

export function toRecord(row: RecordRow): DeadLetterRecord {
  const headers = Object.fromEntries(
    Object.entries(row.headers).map(([name, value]) => [name, Buffer.from(value, 'base64')]),
  );
  return { ...row, headers };
}

export function placeOf(line: DeadLetterLine): string {
  return `${line.processor}/${line.topic}/${line.partition}/${line.offset}`;
}
