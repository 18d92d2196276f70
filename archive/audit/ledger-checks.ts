import type { Session } from '../../connectors/postgres/session.ts';
import { placeOf } from './report.ts';
import type { AuditFinding, AuditedHours } from './report.ts';

/** Ledger ranges, of any processor, that don't join the one before. */
export async function ledgerGaps(session: Session): Promise<AuditFinding[]> {
  const rows = await session.query<{
    processor: string;
    topic: string;
    partition: number;
    from_offset: number;
    to_offset: number;
    next_from: number | null;
  }>('SELECT * FROM ledger_breaks');
  return rows.map((r) => ({
    check: 'the ledger’s ranges join',
    place: `${r.processor} on ${placeOf(r.topic, r.partition, r.from_offset, r.to_offset)}`,
    detail: `the next range begins at ${r.next_from ?? 'null'}`,
  }));
}

/** Ledger rows that counted more or fewer dead letters than there are. */
export async function deadLetterFindings(
  session: Session,
  topic: string,
  { from, to }: AuditedHours,
): Promise<AuditFinding[]> {
  const rows = await session.query<{
    processor: string;
    partition: number;
    from_offset: number;
    to_offset: number;
    counted: number;
    kept: number;
  }>(
    `SELECT l.processor, l.partition, l.from_offset, l.to_offset, l.dead_count AS counted, d.kept
       FROM stream_ledger l
      CROSS JOIN LATERAL (SELECT count(*) AS kept FROM dead_letters d
        WHERE d.processor = l.processor AND d.topic = l.topic AND d.partition = l.partition
          AND d.kafka_offset >= l.from_offset AND d.kafka_offset < l.to_offset) d
      WHERE l.topic = $1 AND l.processor <> 'archive' AND l.dead_count <> d.kept
        AND ($2::bigint IS NULL OR l.hour > to_timestamp($2 / 1000.0) - interval '1 hour')
        AND ($3::bigint IS NULL OR l.hour < to_timestamp($3 / 1000.0))`,
    [topic, from, to],
  );
  return rows.map((r) => ({
    check: 'dead letters against ledger',
    place: `${r.processor} on ${placeOf(topic, r.partition, r.from_offset, r.to_offset)}`,
    detail: `${r.kept} dead letters are there, ${r.counted} were counted`,
  }));
}
