import type { Session } from '../../connectors/postgres/session.ts';
import { Rollback } from '../../connectors/postgres/transaction.ts';
import { writeLedger } from '../../streams/runtime/commit/ledger.ts';
import type { LedgerRange, OpenLedgerRow } from '../../streams/runtime/commit/ledger.ts';
import { advance, pointToLedgerRows } from '../../streams/runtime/commit/offsets.ts';
import type { ProcessorKey, Step } from '../../streams/runtime/commit/offsets.ts';
import { insertFiles } from '../manifest.ts';
import type { SourceRange, VerifiedFile } from '../manifest.ts';

export type PlannedRange = Omit<SourceRange, 'topic'>;

export interface RunPlan {
  readonly run: number;
  /** Epoch ms. */
  readonly until: number;
  readonly ranges: readonly PlannedRange[];
  /** Made by an earlier run that did not end. */
  readonly resumed: boolean;
}

/** The plan that was not finished, if there is one. */
export async function readOpenPlan(session: Session): Promise<RunPlan | null> {
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
): Promise<RunPlan> {
  const [row] = await session.query<{ run: number }>(
    `WITH run AS (
       INSERT INTO archive_runs (until) VALUES (to_timestamp($1 / 1000.0)) RETURNING id),
     plan AS (
       INSERT INTO archive_plans (run_id, topic, partition, from_offset, to_offset)
       SELECT run.id, $2, p, f, t
         FROM run, unnest($3::int[], $4::bigint[], $5::bigint[]) AS u(p, f, t))
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

export interface VerifiedRange {
  readonly key: ProcessorKey;
  readonly run: number;
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
  const { partition, from, after: to } = step;
  return session.transaction(async () => {
    if ((await advance(session, key, [step])) === null) return new Rollback(null);
    const open = await writeLedger(session, key, ledger, new Map([[partition, range.openRow]]));
    await pointToLedgerRows(session, key, open);
    const count = (outcome: 'ok' | 'dead' | 'skipped') =>
      ledger.reduce((sum, { accounts }) => sum + accounts[outcome].count, 0);
    await session.execute(
      `INSERT INTO archive_ranges
         (topic, partition, from_offset, to_offset, run_id, rows, dead, skipped)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [key.topic, partition, from, to, range.run, count('ok'), count('dead'), count('skipped')],
    );
    await insertFiles(session, files, { topic: key.topic, partition, from, to });
    return { openRow: open.get(partition) ?? null };
  });
}
