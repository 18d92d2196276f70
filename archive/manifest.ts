import type { Session } from '../connectors/postgres/session.ts';
import { Rollback } from '../connectors/postgres/transaction.ts';
import { MarqueeError } from '../common/error.ts';
import { hashToDecimal } from '../common/hash.ts';
import { writeLedger } from '../streams/runtime/commit/ledger.ts';
import type { LedgerRange, OpenLedgerRow } from '../streams/runtime/commit/ledger.ts';
import { advance, pointToLedgerRows } from '../streams/runtime/commit/offsets.ts';
import type { ProcessorKey, Step } from '../streams/runtime/commit/offsets.ts';
import type { Checksums } from './format/checksums.ts';

/** One run at a time; the lock goes with the session. The offsets' compare-and-set is what counts. */
export async function lockArchive(session: Session): Promise<void> {
  const [row] = await session.query<{ mine: boolean }>(
    `SELECT pg_try_advisory_lock(hashtextextended('marquee.archive', 0)) AS mine`,
  );
  if (row?.mine !== true)
    throw new MarqueeError(
      'MARQUEE_ARCHIVE_BUSY',
      'another run of the archive is under way: let it end, or end it',
    );
}

/** Does the work under the lock, and gives the lock back. */
export async function withArchiveLock<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await lockArchive(session);
  try {
    return await work();
  } finally {
    if (session.usable())
      await session.execute(`SELECT pg_advisory_unlock(hashtextextended('marquee.archive', 0))`);
  }
}

export interface PlannedRange {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export interface ArchivePlan {
  readonly run: number;
  /** Epoch ms. */
  readonly until: number;
  readonly ranges: readonly PlannedRange[];
  /** Made by an earlier run that did not end. */
  readonly resumed: boolean;
}

/** The plan that was not finished, if there is one. */
export async function readOpenPlan(session: Session): Promise<ArchivePlan | null> {
  const rows = await session.query<{
    run: number;
    until: number;
    partition: number | null;
    from_offset: number;
    to_offset: number;
  }>(
    `SELECT r.id AS run, (extract(epoch FROM r.until) * 1000)::bigint AS until,
            p.partition, p.from_offset, p.to_offset
       FROM archive_runs r LEFT JOIN archive_plans p ON p.run_id = r.id
      WHERE r.finished_at IS NULL ORDER BY p.partition`,
  );
  const [first] = rows;
  if (first === undefined) return null;
  const ranges = rows.flatMap(({ partition, from_offset: from, to_offset: to }) =>
    partition === null ? [] : [{ partition, from, to }],
  );
  return { run: first.run, until: first.until, ranges, resumed: true };
}

/** Commits the plan before anything of it is done. */
export async function commitPlan(
  session: Session,
  topic: string,
  until: number,
  ranges: readonly PlannedRange[],
): Promise<ArchivePlan> {
  const [row] = await session.query<{ run: number }>(
    `WITH run AS (INSERT INTO archive_runs (until) VALUES (to_timestamp($1 / 1000.0)) RETURNING id),
          plan AS (INSERT INTO archive_plans (run_id, topic, partition, from_offset, to_offset)
                   SELECT run.id, $2, p, f, t FROM run, unnest($3::int[], $4::bigint[], $5::bigint[]) AS u(p, f, t))
     SELECT id AS run FROM run`,
    [
      until,
      topic,
      ranges.map((r) => r.partition),
      ranges.map((r) => r.from),
      ranges.map((r) => r.to),
    ],
  );
  return { run: row?.run ?? 0, until, ranges, resumed: false };
}

export async function finishRun(session: Session, run: number): Promise<void> {
  await session.execute(
    'UPDATE archive_runs SET finished_at = now() WHERE id = $1 AND finished_at IS NULL',
    [run],
  );
}

/** An object in the store that was read back and found to be what it should be. */
export interface VerifiedFile {
  readonly path: string;
  readonly date: string;
  readonly bytes: number;
  readonly sha256: Buffer;
  readonly sums: Checksums;
  readonly firstId: string;
  readonly lastId: string;
}

export interface VerifiedRange {
  readonly key: ProcessorKey;
  readonly run: number | null;
  readonly step: Step;
  readonly ledger: readonly LedgerRange[];
  readonly openRow: OpenLedgerRow | null;
  readonly files: readonly VerifiedFile[];
}

/**
 * Records a range in one transaction: offset by compare-and-set, ledger, range and files. Returns
 * the ledger row that is open after; null when the archive's offset is not where this range begins.
 */
export async function recordRange(
  session: Session,
  range: VerifiedRange,
): Promise<{ readonly openRow: OpenLedgerRow | null } | null> {
  const { key, step, ledger, files } = range;
  return session.transaction(async () => {
    if ((await advance(session, key, [step])) === null) return new Rollback(null);
    const open = await writeLedger(
      session,
      key,
      ledger,
      new Map([[step.partition, range.openRow]]),
    );
    await pointToLedgerRows(session, key, open);
    const count = (outcome: 'ok' | 'dead' | 'skipped') =>
      ledger.reduce((sum, run) => sum + run.accounts[outcome].count, 0);
    await session.execute(
      `INSERT INTO archive_ranges (topic, partition, from_offset, to_offset, run_id, rows, dead, skipped)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        key.topic,
        step.partition,
        step.from,
        step.after,
        range.run,
        count('ok'),
        count('dead'),
        count('skipped'),
      ],
    );
    await insertFiles(session, files, {
      topic: key.topic,
      partition: step.partition,
      from: step.from,
      to: step.after,
    });
    return { openRow: open.get(step.partition) ?? null };
  });
}

export async function insertFiles(
  session: Session,
  files: readonly VerifiedFile[],
  source: {
    readonly topic: string;
    readonly partition: number | null;
    readonly from: number | null;
    readonly to: number | null;
    readonly generation?: number;
    readonly duplicatesRemoved?: number;
  },
): Promise<void> {
  if (files.length === 0) return;
  await session.execute(
    `INSERT INTO archive_files (path, topic, partition, from_offset, to_offset, date, rows, id_sum,
        content_sum, bytes, sha256, first_event_id, last_event_id, generation, duplicates_removed)
     SELECT path, $2, $3, $4, $5, date, rows, id_sum, content_sum, bytes, sha256, first_id, last_id, $6, $7
       FROM unnest($1::text[], $8::date[], $9::bigint[], $10::numeric[], $11::numeric[], $12::bigint[],
                   $13::bytea[], $14::uuid[], $15::uuid[])
         AS f(path, date, rows, id_sum, content_sum, bytes, sha256, first_id, last_id)`,
    [
      files.map((f) => f.path),
      source.topic,
      source.partition,
      source.from,
      source.to,
      source.generation ?? 0,
      source.duplicatesRemoved ?? 0,
      files.map((f) => f.date),
      files.map((f) => f.sums.rows),
      files.map((f) => hashToDecimal(f.sums.id)),
      files.map((f) => hashToDecimal(f.sums.content)),
      files.map((f) => f.bytes),
      files.map((f) => f.sha256),
      files.map((f) => f.firstId),
      files.map((f) => f.lastId),
    ],
  );
}
