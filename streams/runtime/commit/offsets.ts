import type { KafkaRecord } from '../../../common/kafka/record.ts';
import type { Session } from '../../../connectors/postgres/session.ts';
import { createHash128, hashToBytes, murmur128 } from '../../../common/hash.ts';
import type { OpenLedgerRow } from './ledger.ts';

/**
 * Where a processor stands lives in Postgres, in the transaction that writes its rows. Whoever was
 * assigned a partition raises its epoch; a batch moves `next_offset` from the task's position to the
 * position after, for its own epoch only. So a late COMMIT of a former owner changes nothing.
 */
export interface ProcessorKey {
  /** Name in stream_offsets; a replay has one of its own. */
  readonly processor: string;
  readonly topic: string;
}

export interface Position {
  readonly epoch: number;
  readonly next: number;
  /** The last record in the tables, to know the log again; null before the first. */
  readonly last: { readonly offset: number; readonly identity: Buffer } | null;
  readonly openLedgerRow: OpenLedgerRow | null;
}

export interface Step {
  readonly partition: number;
  readonly epoch: number;
  readonly from: number;
  readonly after: number;
  readonly last: { readonly offset: number; readonly identity: Buffer } | null;
  /** Epoch ms of the receipt processed up to. */
  readonly asOf: number | null;
}

/** Tells a record from another one at the same offset of a topic that was made again. */
export function identityOf(record: KafkaRecord): Buffer {
  const { key, value, timestamp } = record;
  const bytes = Buffer.concat([
    Buffer.from(`${timestamp}|${key?.length ?? -1}|`),
    key ?? Buffer.alloc(0),
    value ?? Buffer.alloc(0),
  ]);
  const hash = createHash128();
  murmur128(hash, bytes, 0, bytes.length);
  return hashToBytes(hash);
}

const RAISE_EPOCH_SQL = `
INSERT INTO stream_offsets AS o (processor, topic, partition, next_offset, owner_epoch, owner, owner_pid)
VALUES ($1, $2, $3, $4, 1, $5, $6)
ON CONFLICT (processor, topic, partition) DO UPDATE
  SET owner_epoch = o.owner_epoch + 1, owner = excluded.owner, owner_pid = excluded.owner_pid,
      updated_at = now()
RETURNING owner_epoch, next_offset, last_offset, last_identity, ledger_from,
  (SELECT extract(epoch FROM l.hour)::bigint / 3600 FROM stream_ledger l
   WHERE l.processor = $1 AND l.topic = $2 AND l.partition = $3
     AND l.from_offset = o.ledger_from) AS ledger_hour`;

interface OffsetRow {
  owner_epoch: number;
  next_offset: number;
  last_offset: number | null;
  last_identity: Buffer | null;
  ledger_from: number | null;
  ledger_hour: number | null;
}

/** Raises the epoch; waits (up to the session's lock_timeout) for a batch that is under way. */
export async function raiseEpoch(
  session: Session,
  key: ProcessorKey,
  partition: number,
  owner: string,
  firstOffset: number,
): Promise<Position> {
  const [row] = await session.query<OffsetRow & Record<string, unknown>>(RAISE_EPOCH_SQL, [
    key.processor,
    key.topic,
    partition,
    firstOffset,
    owner,
    session.pid,
  ]);
  if (row === undefined) throw new Error('take-over returned no row');
  return {
    epoch: row.owner_epoch,
    next: row.next_offset,
    last:
      row.last_offset === null || row.last_identity === null
        ? null
        : { offset: row.last_offset, identity: row.last_identity },
    openLedgerRow:
      row.ledger_from === null || row.ledger_hour === null
        ? null
        : { from: row.ledger_from, hour: row.ledger_hour },
  };
}

/**
 * Ends the server-side session of an owner that holds the row's lock for too long: a process that
 * was stopped in the middle of a transaction. Returns whether there was one.
 */
export async function evictOwner(
  session: Session,
  key: ProcessorKey,
  partition: number,
): Promise<boolean> {
  const rows = await session.query<{ ended: boolean }>(
    `SELECT pg_terminate_backend(a.pid) AS ended
     FROM stream_offsets o
     JOIN pg_stat_activity a ON a.application_name = o.owner AND a.usename = current_user
     WHERE o.processor = $1 AND o.topic = $2 AND o.partition = $3
       AND a.pid <> pg_backend_pid() AND a.xact_start < now() - interval '2 seconds'`,
    [key.processor, key.topic, partition],
  );
  return rows.some((r) => r.ended);
}

const ADVANCE_SQL = `
UPDATE stream_offsets o
SET next_offset = s.after_offset,
    last_offset = coalesce(s.last_offset, o.last_offset),
    last_identity = coalesce(s.last_identity, o.last_identity),
    as_of = greatest(o.as_of, to_timestamp(s.as_of / 1000.0)),
    updated_at = now()
FROM unnest($3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bytea[], $9::bigint[])
  AS s(partition, epoch, from_offset, after_offset, last_offset, last_identity, as_of)
WHERE o.processor = $1 AND o.topic = $2 AND o.partition = s.partition
  AND o.owner_epoch = s.epoch AND o.next_offset = s.from_offset
RETURNING o.partition, o.ledger_from`;

/**
 * The compare-and-set. Returns where each partition's open ledger row begins, or null when any
 * partition has another owner or another position.
 */
export async function advance(
  session: Session,
  key: ProcessorKey,
  steps: readonly Step[],
): Promise<ReadonlyMap<number, number | null> | null> {
  const moved = await session.query<{ partition: number; ledger_from: number | null }>(
    ADVANCE_SQL,
    [
      key.processor,
      key.topic,
      steps.map((s) => s.partition),
      steps.map((s) => s.epoch),
      steps.map((s) => s.from),
      steps.map((s) => s.after),
      steps.map((s) => s.last?.offset ?? null),
      steps.map((s) => s.last?.identity ?? null),
      steps.map((s) => s.asOf),
    ],
  );
  if (moved.length !== steps.length) return null;
  return new Map(moved.map((row) => [row.partition, row.ledger_from]));
}

/** The ledger rows that the table says are open. */
export async function readOpenLedgerRows(
  session: Session,
  key: ProcessorKey,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, OpenLedgerRow>> {
  const rows = await session.query<{ partition: number; from_offset: number; hour: number }>(
    `SELECT l.partition, l.from_offset, extract(epoch FROM l.hour)::bigint / 3600 AS hour
     FROM stream_offsets o
     JOIN stream_ledger l ON (l.processor, l.topic, l.partition, l.from_offset)
       = (o.processor, o.topic, o.partition, o.ledger_from)
     WHERE o.processor = $1 AND o.topic = $2 AND o.partition = ANY($3::int[])`,
    [key.processor, key.topic, partitions],
  );
  return new Map(rows.map((r) => [r.partition, { from: r.from_offset, hour: r.hour }]));
}

export async function pointToLedgerRows(
  session: Session,
  key: ProcessorKey,
  open: ReadonlyMap<number, OpenLedgerRow>,
): Promise<void> {
  await session.execute(
    `UPDATE stream_offsets o SET ledger_from = s.row_from
     FROM unnest($3::int[], $4::bigint[]) AS s(partition, row_from)
     WHERE o.processor = $1 AND o.topic = $2 AND o.partition = s.partition
       AND o.ledger_from IS DISTINCT FROM s.row_from`,
    [key.processor, key.topic, [...open.keys()], [...open.values()].map((row) => row.from)],
  );
}

/** What the table says now; for after a lost answer or a lost race. */
export async function readCommitted(
  session: Session,
  key: ProcessorKey,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, { readonly epoch: number; readonly next: number }>> {
  const rows = await session.query<{ partition: number; owner_epoch: number; next_offset: number }>(
    `SELECT partition, owner_epoch, next_offset FROM stream_offsets
     WHERE processor = $1 AND topic = $2 AND partition = ANY($3::int[])`,
    [key.processor, key.topic, partitions],
  );
  return new Map(rows.map((r) => [r.partition, { epoch: r.owner_epoch, next: r.next_offset }]));
}
