import type { Session } from '../../connectors/postgres/session.ts';
import type { Processor } from '../../streams/runtime/processor.ts';
import { refused } from '../../streams/replay/replay-plan.ts';
import type { LivePartition, ReplayStart } from '../../streams/replay/replay-plan.ts';
import type { ListedFile } from './fetch-files.ts';
import type { ArchivedStretch } from './plan.ts';
import { HOUR_MS } from '../../common/time.ts';

/** Files and facts of the manifest for a rebuild, read in one snapshot. */
export interface Listing {
  /** By date, then by what they were cut from. */
  readonly files: readonly ListedFile[];
  /** Backfills that come in, and those that stay out. */
  readonly backfills: readonly string[];
  readonly leftOut: readonly string[];
  readonly expired: number;
  /** Epoch ms up to which the live table's partitions were dropped; null when none were. */
  readonly floor: number | null;
  /** Epoch ms: what happened before is too late to come again from the log after the starts. */
  readonly settledBefore: number;
}

/** Backfills that come in: those that the live tables hold are the `applied` ones. */
type BackfillChoice = 'all' | 'applied' | 'none';

/** Offsets of each partition that the archive holds without a gap, from its first one on. */
export async function readStretches(
  session: Session,
  topic: string,
): Promise<readonly ArchivedStretch[]> {
  const ranges = await session.query<{ partition: number; from: number; to: number }>(
    `SELECT partition, from_offset AS "from", to_offset AS "to" FROM archive_ranges
     WHERE topic = $1 ORDER BY 1, 2`,
    [topic],
  );
  const stretches = new Map<number, ArchivedStretch>();
  for (const range of ranges) {
    const before = stretches.get(range.partition);
    if (before === undefined) stretches.set(range.partition, range);
    else if (before.to === range.from) stretches.set(range.partition, { ...before, to: range.to });
  }
  return [...stretches.values()];
}

/**
 * Offsets that an operator let the processor pass by: never applied, though the archive has them.
 */
export function readLedgerGaps(
  session: Session,
  processor: string,
  topic: string,
): Promise<ArchivedStretch[]> {
  return session.query<ArchivedStretch & Record<string, unknown>>(
    `SELECT partition, from_offset AS "from", to_offset AS "to" FROM offset_resets
     WHERE processor = $1 AND topic = $2 AND NOT another_log`,
    [processor, topic],
  );
}

interface ListingOptions {
  readonly live: readonly LivePartition[];
  readonly choice: BackfillChoice;
  readonly lateHorizonMs: number;
}

interface ListedRow extends ListedFile {
  readonly partition: number | null;
  readonly from_offset: number | null;
}

export async function readListing(
  session: Session,
  processor: Processor,
  starts: readonly ReplayStart[],
  { live, choice, lateHorizonMs }: ListingOptions,
): Promise<Listing> {
  const { topic } = processor.source;
  const { backfills, leftOut } = await readBackfills(session, processor, choice);
  const floor = await readFloor(session, processor);
  const receivedFrom = await readReceivedFrom(session, processor, starts, live);
  if (receivedFrom === null && backfills.length > 0)
    throw refused(
      `${processor.name} has not begun with some partition of ${topic}, so events of it could be ` +
        'among the backfilled ones: let it catch up first, or use --no-backfill',
    );
  const settledBefore = (receivedFrom ?? -Infinity) - lateHorizonMs - HOUR_MS;
  const firstMs = processor.rowsCarryOffsets
    ? Math.min(settledBefore, floor ?? -Infinity)
    : -Infinity;
  const fromDate = Number.isFinite(firstMs) ? new Date(firstMs).toISOString().slice(0, 10) : null;
  const listed = await session.query<ListedRow>(
    `SELECT path, topic, date::text, rows, bytes, sha256, partition, from_offset FROM archive_files
     WHERE replaced_at IS NULL AND topic = ANY($1::text[])
       AND date >= coalesce($2::date, '-infinity')
     ORDER BY date, generation DESC, topic, partition, from_offset, path`,
    [[topic, '*', ...backfills], fromDate],
  );
  const cut = new Map(starts.map(({ partition, from }) => [partition, from]));
  // A file that was cut from offsets which the log gives is not opened; a merged one always is.
  const files = listed.filter(
    (file) =>
      file.topic !== topic ||
      file.partition === null ||
      (file.from_offset ?? 0) < (cut.get(file.partition) ?? 0),
  );
  return {
    files,
    backfills,
    leftOut,
    expired: await countExpired(session, processor, fromDate),
    floor,
    settledBefore,
  };
}

async function readBackfills(
  session: Session,
  processor: Processor,
  choice: BackfillChoice,
): Promise<Pick<Listing, 'backfills' | 'leftOut'>> {
  // One that is not all there yet stays out, until its backfill was finished.
  const [row] = await session.query<{ listed: string[]; begun: string[]; applied: string[] }>(
    `SELECT array(SELECT topic FROM archive_backfills b WHERE finished_at IS NOT NULL
         AND EXISTS (SELECT FROM archive_ranges r WHERE r.topic = b.topic) ORDER BY 1) AS listed,
       array(SELECT topic FROM archive_backfills WHERE finished_at IS NULL ORDER BY 1) AS begun,
       array(SELECT topic FROM applied_backfills WHERE processor = $1 ORDER BY 1) AS applied`,
    [processor.name],
  );
  const { listed, begun, applied } = row ?? { listed: [], begun: [], applied: [] };
  // A row that says where its record stood on the topic cannot be of one that never was there.
  if (processor.rowsCarryOffsets) return { backfills: [], leftOut: [...listed, ...begun] };
  const gone = applied.filter((source) => !listed.includes(source));
  if (choice === 'applied' && gone.length > 0)
    throw refused(
      `the tables of ${processor.name} hold ${gone.join(', ')}, which is no longer in the ` +
        'archive: they cannot be compared',
    );
  const backfills = choice === 'all' ? listed : choice === 'applied' ? applied : [];
  return { backfills, leftOut: [...listed.filter((s) => !backfills.includes(s)), ...begun] };
}

async function readFloor(session: Session, processor: Processor): Promise<number | null> {
  const [row] = await session.query<{ floor: number | null }>(
    `SELECT (extract(epoch FROM max(floor)) * 1000)::bigint AS floor FROM partition_floors
     WHERE parent = ANY($1::text[])`,
    [processor.tables],
  );
  return row?.floor ?? null;
}

/**
 * Archived events that no file holds any more: expired ones, and for sums whatever else is gone.
 */
async function countExpired(
  session: Session,
  processor: Processor,
  fromDate: string | null,
): Promise<number> {
  const [row] = await session.query<{ expired: number; gone: number }>(
    `SELECT (SELECT coalesce(sum(rows), 0) FROM archive_expired
         WHERE topic = $1 AND NOT taken_back
           AND date >= coalesce($2::date, '-infinity'))::bigint AS expired,
       ((SELECT coalesce(sum(rows), 0) FROM archive_ranges)
         - (SELECT coalesce(sum(rows + duplicates_removed), 0) FROM archive_files
            WHERE replaced_at IS NULL))::bigint AS gone`,
    [processor.source.topic, fromDate],
  );
  const { expired, gone } = row ?? { expired: 0, gone: 0 };
  return processor.rowsCarryOffsets ? expired : Math.max(expired, gone);
}

/**
 * When the first record that the log gives was received, or later ones will be, to the hour; epoch
 * ms. Null where that is not known: of some partition nothing was applied yet of what is there.
 */
async function readReceivedFrom(
  session: Session,
  { name, source }: Processor,
  starts: readonly ReplayStart[],
  live: readonly LivePartition[],
): Promise<number | null> {
  const [row] = await session.query<{ known: boolean; at: number | null }>(
    `SELECT bool_and(p.at IS NOT NULL) AS known,
            (extract(epoch FROM min(p.at)) * 1000)::bigint AS at
     FROM (SELECT coalesce(l.hour, o.as_of,
                           CASE WHEN o.next_offset >= s.log_end THEN now() END) AS at
           FROM unnest($3::int[], $4::bigint[], $5::bigint[]) AS s(partition, first, log_end)
           JOIN stream_offsets o ON (o.processor, o.topic, o.partition) = ($1, $2, s.partition)
           LEFT JOIN stream_ledger l ON (l.processor, l.topic, l.partition, l.from_offset)
             = ($1, $2, s.partition, s.first)) p`,
    [
      name,
      source.topic,
      starts.map((start) => start.partition),
      starts.map((start) => start.ledgerFrom),
      starts.map(({ partition }) => live.find((p) => p.partition === partition)?.logEnd ?? 0),
    ],
  );
  return row?.known === true ? row.at : null;
}
