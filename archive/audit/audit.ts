import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../connectors/object-store/object-store.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { userActions } from '../../streams/topics/user-actions.ts';
import { scanHot } from './hot-scan.ts';
import type { HotScan } from './hot-scan.ts';
import { decodeFile } from '../format/parquet.ts';
import { mapConcurrent } from '../../common/map-concurrent.ts';
import { checksumsOf } from '../format/checksums.ts';
import { hashToDecimal } from '../../common/hash.ts';
import { HOUR_MS } from '../../common/time.ts';

/** Something that doesn't balance, with the place to look at. */
export interface AuditFinding {
  readonly check: string;
  /** Topic and partition with offsets, or the object. */
  readonly place: string;
  readonly detail: string;
}

/** What became of the records of one partition that were received in one hour. */
export interface AuditAccount {
  readonly partition: number;
  /** ISO 8601. */
  readonly hour: string;
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly records: number;
  readonly applied: number;
  readonly duplicate: number;
  readonly tooLate: number;
  readonly dead: number;
  readonly skipped: number;
  /** Of those the archive holds; null where it has not come to the hour's end. */
  readonly archived: number | null;
}

export interface AuditReport {
  readonly topic: string;
  readonly accounts: readonly AuditAccount[];
  readonly hotRows: number;
  readonly objects: number;
  readonly findings: readonly AuditFinding[];
  readonly seconds: number;
}

export interface AuditOptions {
  /** Epoch ms: hours of receipt [from, to). */
  readonly from: number | null;
  readonly to: number | null;
  /** Null: the objects stay unread. */
  readonly store: ObjectStore | null;
  onProgress?(what: string): void;
}

/** Sums of hashes are kept modulo 2^128. */
const MODULUS = String(2n ** 128n);
/** Objects that are read at once: history has thousands of small ones. */
const SIDE_BY_SIDE = 4;
const SMALL_SIDE_BY_SIDE = 16;
const SMALL_BYTES = 1024 * 1024;
const TOPIC = userActions.topic;

/**
 * Holds ledger, hot table, archive and dead letters against each other. Every record that
 * `interactions` read is in one account; what the archive covers is there with the same ids and
 * contents; each listed object is what was recorded. May run while traffic flows.
 */
export async function audit(session: Session, options: AuditOptions): Promise<AuditReport> {
  const started = performance.now();
  const findings: AuditFinding[] = [];
  options.onProgress?.('reading the hot table');
  const scan = await scanHot(session);
  findings.push(...hotFindings(scan, options));
  options.onProgress?.('comparing the ledgers');
  findings.push(...(await ledgerBreaks(session)));
  const rows = await session.query<AccountRow>(ACCOUNTS, [TOPIC, options.from, options.to]);
  findings.push(...archiveFindings(rows));
  findings.push(...(await deadFindings(session, options)));
  findings.push(...(await coverageFindings(session)));
  const objects =
    options.store === null ? 0 : await checkObjects(session, options.store, options, findings);
  return {
    topic: TOPIC,
    accounts: rows.map(accountOf),
    hotRows: scan.rows,
    objects,
    findings,
    seconds: (performance.now() - started) / 1000,
  };
}

function inHours(hour: string, { from, to }: Pick<AuditOptions, 'from' | 'to'>): boolean {
  const ms = Date.parse(hour);
  return (from === null || ms + HOUR_MS > from) && (to === null || ms < to);
}

function hotFindings(scan: HotScan, options: AuditOptions): AuditFinding[] {
  const findings = scan.unbalanced
    .filter(({ range }) => inHours(range.hour, options))
    .map(({ range, rows, idsDiffer, contentsDiffer }) => ({
      check: 'hot table against ledger',
      place: `${TOPIC}/${range.partition} [${range.from}, ${range.to})`,
      detail:
        rows !== range.ok.rows
          ? `${rows} rows in rt_user_interactions (or dropped, archived), ${range.ok.rows} were applied`
          : idsDiffer
            ? 'as many rows as were applied, but of other events'
            : contentsDiffer
              ? 'a row was changed after it was applied'
              : 'sums differ',
    }));
  if (scan.strangers > 0)
    findings.push({
      check: 'hot table against ledger',
      place: 'rt_user_interactions',
      detail: `${scan.strangers} rows have an offset that no batch has applied`,
    });
  return findings;
}

async function ledgerBreaks(session: Session): Promise<AuditFinding[]> {
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
    place: `${r.processor} on ${r.topic}/${r.partition} [${r.from_offset}, ${r.to_offset})`,
    detail: `the next range begins at ${String(r.next_from)}`,
  }));
}

/** By partition and hour of receipt. `archived` where the archive stands beyond the hour. */
const ACCOUNTS = `
WITH of_hour AS (
  SELECT l.processor, l.partition, l.hour, min(l.from_offset) AS from_offset, max(l.to_offset) AS to_offset,
         sum(ok_count)::bigint AS ok, sum(duplicate_count)::bigint AS duplicate,
         sum(too_late_count)::bigint AS too_late, sum(dead_count)::bigint AS dead, sum(skipped_count)::bigint AS skipped,
         mod(sum(ok_id_sum + duplicate_id_sum + too_late_id_sum), ${MODULUS}) AS ids,
         mod(sum(ok_content_sum + duplicate_content_sum + too_late_content_sum), ${MODULUS}) AS contents
    FROM stream_ledger l
   WHERE l.topic = $1 AND l.processor IN ('interactions', 'archive')
     AND ($2::bigint IS NULL OR l.hour > to_timestamp($2 / 1000.0) - interval '1 hour')
     AND ($3::bigint IS NULL OR l.hour < to_timestamp($3 / 1000.0))
   GROUP BY 1, 2, 3)
SELECT i.partition, to_json(i.hour) #>> '{}' AS hour, i.from_offset, i.to_offset,
       i.ok, i.duplicate, i.too_late, i.dead, i.skipped,
       a.ok AS a_ok, a.dead AS a_dead, a.skipped AS a_skipped,
       a.from_offset AS a_from, a.to_offset AS a_to,
       a.ids = i.ids AS same_ids, a.contents = i.contents AS same_contents,
       o.next_offset AS archive_next, p.next_offset AS applied_next
  FROM of_hour i
  LEFT JOIN of_hour a ON a.processor = 'archive' AND a.partition = i.partition AND a.hour = i.hour
  LEFT JOIN stream_offsets o ON o.processor = 'archive' AND o.topic = $1 AND o.partition = i.partition
  LEFT JOIN stream_offsets p ON p.processor = 'interactions' AND p.topic = $1 AND p.partition = i.partition
 WHERE i.processor = 'interactions' ORDER BY i.hour, i.partition`;

interface AccountRow extends Record<string, unknown> {
  partition: number;
  hour: string;
  from_offset: number;
  to_offset: number;
  ok: number;
  duplicate: number;
  too_late: number;
  dead: number;
  skipped: number;
  a_ok: number | null;
  a_dead: number | null;
  a_skipped: number | null;
  a_from: number | null;
  a_to: number | null;
  same_ids: boolean | null;
  same_contents: boolean | null;
  archive_next: number | null;
  applied_next: number;
}

/** Both have passed the hour: only then are its accounts whole. */
function isWhole(row: AccountRow): boolean {
  return row.archive_next !== null && row.archive_next >= row.to_offset;
}

function accountOf(r: AccountRow): AuditAccount {
  return {
    partition: r.partition,
    hour: r.hour,
    fromOffset: r.from_offset,
    toOffset: r.to_offset,
    records: r.ok + r.duplicate + r.too_late + r.dead + r.skipped,
    applied: r.ok,
    duplicate: r.duplicate,
    tooLate: r.too_late,
    dead: r.dead,
    skipped: r.skipped,
    archived: isWhole(r) ? (r.a_ok ?? 0) : null,
  };
}

/** Where the archive has passed an hour, it holds what was applied, sent again, or too late. */
function archiveFindings(rows: readonly AccountRow[]): AuditFinding[] {
  const findings: AuditFinding[] = [];
  for (const row of rows) {
    if (!isWhole(row) || row.a_to !== row.to_offset) continue;
    const place = `${TOPIC}/${row.partition} [${row.from_offset}, ${row.to_offset})`;
    const good = row.ok + row.duplicate + row.too_late;
    // A value that the database refused is dead for `interactions` and an event for the archive.
    const extra = row.dead - (row.a_dead ?? 0);
    const check = 'archive against ledger';
    if ((row.a_ok ?? 0) !== good + extra)
      findings.push({
        check,
        place,
        detail: `${row.a_ok ?? 0} events archived; ${good} were good and ${extra} dead here alone`,
      });
    else if (extra === 0 && row.same_ids !== true)
      findings.push({ check, place, detail: 'as many events, but other ones' });
    else if (extra === 0 && row.same_contents !== true)
      findings.push({ check, place, detail: 'the same events with other contents' });
  }
  return findings;
}

async function deadFindings(session: Session, { from, to }: AuditOptions): Promise<AuditFinding[]> {
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
    [TOPIC, from, to],
  );
  return rows.map((r) => ({
    check: 'dead letters against ledger',
    place: `${r.processor} on ${TOPIC}/${r.partition} [${r.from_offset}, ${r.to_offset})`,
    detail: `${r.kept} dead letters are there, ${r.counted} were counted`,
  }));
}

/**
 * Ranges join up to where the archive stands, those of a history from 0 to its end, and the files
 * hold as many rows as the ranges say.
 */
async function coverageFindings(session: Session): Promise<AuditFinding[]> {
  const gaps = await session.query<{ place: string; next: number | null }>(
    `SELECT topic || '/' || partition || ' at ' || to_offset AS place, next FROM (
       SELECT r.topic, r.partition, r.to_offset,
              lead(r.from_offset, 1, CASE WHEN b.topic IS NULL THEN o.next_offset ELSE coalesce(b.places, r.to_offset) END)
                OVER (PARTITION BY r.topic, r.partition ORDER BY r.from_offset) AS next
         FROM archive_ranges r
         LEFT JOIN archive_backfills b ON b.topic = r.topic
         LEFT JOIN stream_offsets o
           ON o.processor = 'archive' AND o.topic = r.topic AND o.partition = r.partition
        WHERE r.topic = $1 OR b.topic IS NOT NULL) j
      WHERE to_offset IS DISTINCT FROM next
     UNION ALL
     SELECT b.topic || ' at 0', min(r.from_offset) FROM archive_backfills b LEFT JOIN archive_ranges r USING (topic)
      GROUP BY b.topic, b.places HAVING coalesce(min(r.from_offset), b.places, 0) > 0`,
    [TOPIC],
  );
  const findings: AuditFinding[] = gaps.map((g) => ({
    check: 'the archive’s ranges join',
    place: g.place,
    detail: g.next === null ? 'nothing follows' : `the next range begins at ${g.next}`,
  }));
  for (const row of await session.query<HoldingRow>(HOLDINGS)) {
    const place = `archive_files of ${row.topic}`;
    const check = 'the manifest holds the ranges';
    if (row.ranges !== row.files)
      findings.push({
        check,
        place,
        detail: `${row.files} events in files or expired, ${row.ranges} in ranges`,
      });
    else if (row.same_ids === false)
      findings.push({ check, place, detail: 'as many events, but other ones than were read' });
    else if (row.same_contents === false)
      findings.push({ check, place, detail: 'the same events with other contents' });
  }
  return findings;
}

interface HoldingRow extends Record<string, unknown> {
  topic: string;
  ranges: number;
  files: number;
  /** Null where no ledger counts the source: a backfill was never in Kafka. */
  same_ids: boolean | null;
  same_contents: boolean | null;
}

/** By source: what was recorded as copied, and what the manifest holds of it or let expire. */
const HOLDINGS = `
WITH held AS (
  SELECT topic, rows + duplicates_removed AS rows, id_sum + removed_id_sum AS ids,
         content_sum + removed_content_sum AS contents
    FROM archive_files WHERE replaced_at IS NULL
   UNION ALL
  SELECT topic, rows, id_sum, content_sum FROM archive_expired WHERE NOT taken_back),
files AS (
  SELECT topic, sum(rows)::bigint AS rows, mod(sum(ids), ${MODULUS}) AS ids, mod(sum(contents), ${MODULUS}) AS contents
    FROM held GROUP BY 1),
ranges AS (SELECT topic, sum(rows)::bigint AS rows FROM archive_ranges GROUP BY 1),
ledger AS (
  SELECT topic, mod(sum(ok_id_sum), ${MODULUS}) AS ids, mod(sum(ok_content_sum), ${MODULUS}) AS contents
    FROM stream_ledger WHERE processor = 'archive' GROUP BY 1)
SELECT topic, coalesce(r.rows, 0) AS ranges, coalesce(f.rows, 0) AS files,
       l.ids = coalesce(f.ids, 0) AS same_ids, l.contents = coalesce(f.contents, 0) AS same_contents
  FROM ranges r FULL JOIN files f USING (topic) LEFT JOIN ledger l USING (topic) ORDER BY topic`;

interface ListedFile extends Record<string, unknown> {
  path: string;
  rows: number;
  bytes: number;
  sha256: Buffer;
  id_sum: string;
  content_sum: string;
}

async function checkObjects(
  session: Session,
  store: ObjectStore,
  options: AuditOptions,
  findings: AuditFinding[],
): Promise<number> {
  const files = await session.query<ListedFile>(
    `SELECT path, rows, bytes, sha256, id_sum::text, content_sum::text FROM archive_files
      WHERE replaced_at IS NULL
        AND ($1::bigint IS NULL OR date >= (to_timestamp($1 / 1000.0) - interval '1 day')::date)
        AND ($2::bigint IS NULL OR date <= to_timestamp($2 / 1000.0)::date) ORDER BY path`,
    [options.from, options.to],
  );
  let done = 0;
  const check = async (file: ListedFile): Promise<void> => {
    const detail = await faultOf(store, file);
    if (detail !== null) findings.push({ check: 'objects', place: file.path, detail });
    done++;
    options.onProgress?.(`${done} of ${files.length} objects read`);
  };
  const isSmall = ({ bytes }: ListedFile): boolean => bytes <= SMALL_BYTES;
  await mapConcurrent(files.filter(isSmall), SMALL_SIDE_BY_SIDE, check);
  await mapConcurrent(
    files.filter((file) => !isSmall(file)),
    SIDE_BY_SIDE,
    check,
  );
  return files.length;
}

async function faultOf(store: ObjectStore, file: ListedFile): Promise<string | null> {
  let body: Buffer;
  try {
    body = await store.get(file.path);
  } catch (error) {
    if (error instanceof MarqueeError && error.code === 'MARQUEE_OBJECT_MISSING')
      return 'the object is gone';
    throw error;
  }
  if (createHash('sha256').update(body).digest().equals(file.sha256)) return null;
  if (body.length !== file.bytes) return `${body.length} bytes, ${file.bytes} were recorded`;
  // Another object in its place: say what is in it.
  try {
    const sums = checksumsOf(decodeFile(body).events);
    if (sums.rows !== file.rows) return `${sums.rows} rows, ${file.rows} were recorded`;
    if (hashToDecimal(sums.id) !== file.id_sum) return 'other events than were recorded';
    if (hashToDecimal(sums.content) !== file.content_sum)
      return 'the recorded events with other contents';
    return 'the recorded events in other bytes: SHA-256 differs';
  } catch {
    return 'no readable Parquet file: SHA-256 differs';
  }
}
